"""XXH3-128 of bytes as 32 hex digits: what src/firstlight/base/hash.h calls hash128_hex. Needs libxxhash."""

import ctypes


class _Hash(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def hash128(data):
    lib = ctypes.CDLL("libxxhash.so.0")
    lib.XXH3_128bits.restype = _Hash
    lib.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    value = lib.XXH3_128bits(data, len(data))
    return f"{value.high:016x}{value.low:016x}"
