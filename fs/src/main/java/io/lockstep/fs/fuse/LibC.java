package io.lockstep.fs.fuse;

import jnr.ffi.LibraryLoader;

/** What libfuse has no call for. An address is a {@code long}. */
public interface LibC {
  static LibC load() {
    return LibraryLoader.create(LibC.class).failImmediately().load("c");
  }

  long writev(int fd, long vectors, int count);
}
