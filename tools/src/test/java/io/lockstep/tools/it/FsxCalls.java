package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static io.lockstep.fs.fuse.Posix.path;

import io.lockstep.fs.fuse.Posix;
import jnr.ffi.Pointer;

/** Confined to its thread. The system calls that {@link Fsx} makes; a mutant gets one wrong. */
class FsxCalls {
  void write(int fd, byte[] bytes, long offset) throws Posix.Failed {
    Posix.pwrite(fd, bytes, offset);
  }

  void append(int fd, byte[] bytes) throws Posix.Failed {
    Posix.append(fd, bytes);
  }

  byte[] read(int fd, int length, long offset) throws Posix.Failed {
    return Posix.pread(fd, length, offset);
  }

  void truncate(int fd, long size) throws Posix.Failed {
    check("ftruncate", C.ftruncate(fd, size));
  }

  void truncate(String name, long size) throws Posix.Failed {
    check("truncate", C.truncate(path(name), size));
  }

  void allocate(int fd, int mode, long offset, long length) throws Posix.Failed {
    check("fallocate", C.fallocate(fd, mode, offset, length));
  }

  void store(Pointer mapped, int offset, byte[] bytes) {
    mapped.put(offset, bytes, 0, bytes.length);
  }

  void rename(String from, String to) throws Posix.Failed {
    check("rename", C.rename(path(from), path(to)));
  }

  void link(String from, String to) throws Posix.Failed {
    check("link", C.link(path(from), path(to)));
  }

  void unlink(String name) throws Posix.Failed {
    check("unlink", C.unlink(path(name)));
  }
}
