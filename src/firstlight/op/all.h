// Every op's arguments.
#pragma once

#include "firstlight/op/attention.h"
#include "firstlight/op/cache.h"
#include "firstlight/op/elementwise.h"
#include "firstlight/op/experts.h"
#include "firstlight/op/linear.h"
#include "firstlight/op/norm.h"
#include "firstlight/op/rope.h"
#include "firstlight/op/rows.h"
