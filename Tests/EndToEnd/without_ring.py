#!/usr/bin/env python3
"""Runs a program under a seccomp filter that answers EPERM to the three calls of io_uring: `without_ring.py PROGRAM…`.

This is what the default profiles of container runtimes do. The filter is inherited by every child."""
import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EPERM = 1
#: io_uring_setup, _enter and _register have the same numbers on every architecture (asm-generic).
CALLS = (425, 426, 427)
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def instruction(code, when_true, when_false, value):
    return struct.pack("<HBBI", code, when_true, when_false, value)


def main():
    architecture = ARCHITECTURES[platform.machine()]
    program = [instruction(LOAD, 0, 0, 4), instruction(JUMP_EQUAL, 0, len(CALLS) + 1, architecture)]
    program.append(instruction(LOAD, 0, 0, 0))
    for position, call in enumerate(CALLS):
        program.append(instruction(JUMP_EQUAL, len(CALLS) - position, 0, call))
    program.append(instruction(RETURN, 0, 0, ALLOW))
    program.append(instruction(RETURN, 0, 0, ERRNO | EPERM))
    code = ctypes.create_string_buffer(b"".join(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
    libc = ctypes.CDLL(None, use_errno=True)
    filter = Program(len(program), ctypes.addressof(code))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
            PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter), 0, 0):
        sys.exit(f"without_ring: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
