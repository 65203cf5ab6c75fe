package io.lockstep.fs.fuse;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import ru.serce.jnrfuse.LibFuse;

/**
 * What jnr-fuse's binding of libfuse 2 leaves out: the session, its channel and the low-level
 * replies. An address or a request of libfuse is a {@code long}. See {@code fuse_lowlevel.h}.
 */
public interface FuseLibrary extends LibFuse {
  /** The name that the dynamic linker knows; the plain one needs a development package. */
  String FILE = "libfuse.so.2";

  /**
   * Loads the library.
   *
   * @throws UnsatisfiedLinkError if it is not installed
   */
  static FuseLibrary load() {
    return LibraryLoader.create(FuseLibrary.class).failImmediately().load(FILE);
  }

  Pointer fuse_mount(Pointer mountPoint, Pointer args);

  void fuse_unmount(Pointer mountPoint, Pointer channel);

  Pointer fuse_lowlevel_new(Pointer args, Pointer operations, long sizeBytes, Pointer userData);

  void fuse_session_add_chan(Pointer session, Pointer channel);

  void fuse_session_remove_chan(Pointer channel);

  void fuse_session_destroy(Pointer session);

  void fuse_session_exit(Pointer session);

  int fuse_session_exited(Pointer session);

  void fuse_session_process(Pointer session, long request, long sizeBytes, Pointer channel);

  Pointer fuse_chan_new(Pointer operations, int fd, long bufferBytes, Pointer data);

  void fuse_chan_destroy(Pointer channel);

  int fuse_chan_send(Pointer channel, long vectors, long count);

  int fuse_chan_fd(Pointer channel);

  int fuse_chan_recv(long channel, long buffer, long sizeBytes);

  int fuse_reply_err(long request, int errno);

  void fuse_reply_none(long request);

  int fuse_reply_entry(long request, long entry);

  int fuse_reply_create(long request, long entry, long fileInfo);

  int fuse_reply_attr(long request, long stat, double timeoutSeconds);

  int fuse_reply_readlink(long request, long target);

  int fuse_reply_open(long request, long fileInfo);

  int fuse_reply_write(long request, long sizeBytes);

  int fuse_reply_buf(long request, long buffer, long sizeBytes);

  int fuse_reply_statfs(long request, long statvfs);

  int fuse_reply_xattr(long request, long sizeBytes);

  int fuse_reply_lock(long request, long lock);

  void fuse_req_interrupt_func(long request, Pointer function, long data);

  int fuse_lowlevel_notify_inval_inode(Pointer channel, long node, long offset, long length);
}
