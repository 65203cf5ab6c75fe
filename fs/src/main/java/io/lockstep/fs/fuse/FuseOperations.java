package io.lockstep.fs.fuse;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check.BrokenInvariant;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.AttributeChange;
import io.lockstep.fs.vfs.Files;
import io.lockstep.fs.vfs.OperationLog.Kind;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Immutable. One method for each kernel request: decode, one call of the vfs, reply. Called by
 * libfuse on the {@link FuseThread} that received the request; nothing is ever thrown back into
 * libfuse.
 */
final class FuseOperations {
  private static final Logger LOG = LoggerFactory.getLogger(FuseOperations.class);
  private static final long ROOT_NODE = 1;
  private static final int ENOENT = 2;
  private static final int EIO = 5;
  private static final int EAGAIN = 11;
  private static final int ERANGE = 34;

  /** The part of an operation that may fail. */
  interface Body {
    void run(FuseThread thread) throws Outcome;
  }

  private final FuseLibrary fuse;
  private final Vfs vfs;
  private final KernelCache kernelCache;
  private final KernelSizes kernelSizes;
  private final double keepSeconds;
  private final LockOperations locks;
  private final long root;
  private final Set<String> reported = ConcurrentHashMap.newKeySet();

  /**
   * @param keepSeconds how long the kernel may keep names and attributes; see {@link MountOptions}
   */
  FuseOperations(FuseLibrary fuse, Vfs vfs, KernelCache kernelCache, double keepSeconds) {
    this.fuse = fuse;
    this.vfs = vfs;
    this.kernelCache = kernelCache;
    this.kernelSizes = new KernelSizes(vfs.clock());
    this.keepSeconds = keepSeconds;
    this.root = vfs.options().root();
    this.locks = new LockOperations(fuse, this, vfs.locks());
    // Else the kernel would answer reads from its pages.
    vfs.locks().onLost(inode -> kernelCache.drop(node(inode)));
  }

  // ---- nodes: the kernel's number of the root is 1, every other inode keeps its own

  /** Also the other way round: the two numbers change places. */
  long node(long inode) {
    if (inode == root) {
      return ROOT_NODE;
    }
    return inode == ROOT_NODE ? root : inode;
  }

  long inode(long node) {
    return node(node);
  }

  LockOperations locks() {
    return locks;
  }

  // ---- names and attributes

  void lookup(long request, long parent, long name) {
    serve(Kind.LOOKUP, request, parent, t -> entry(t, vfs.lookup(inode(parent), t.name(name))));
  }

  /** Nothing is kept for a node, so nothing is to be forgotten. */
  void forget(long request, long node, long lookups) {
    fuse.fuse_reply_none(request);
  }

  void getattr(long request, long node, long fileInfo) {
    serve(
        Kind.GETATTR,
        request,
        node,
        t -> {
          long askedNs = vfs.clock().nowNs();
          Attributes attributes = vfs.attributes(inode(node));
          // With a descriptor the kernel asks for who reads behind the end that it knows.
          if (fileInfo != 0
              && kernelSizes.mayIgnore(node, attributes.getSize(), askedNs)
              && kernelCache.raiseSize(node, attributes.getSize())) {
            kernelSizes.raised(node, attributes.getSize());
          }
          attributes(t, attributes);
        });
  }

  void setattr(long request, long node, long stat, int set, long fileInfo) {
    serve(
        Kind.SETATTR,
        request,
        node,
        t -> {
          AttributeChange change = change(stat, set);
          if (t.memory().setattrKillsPrivileges()) {
            vfs.dropPrivileges(inode(node));
          }
          // Of ftruncate: a name or a number has none.
          long handle = fileInfo == 0 ? Files.NO_HANDLE : FuseRequest.handle(fileInfo);
          Caller caller = t.memory().callerWithGroups();
          attributes(t, vfs.setAttributes(caller, inode(node), handle, change));
        });
  }

  private static AttributeChange change(long stat, int set) {
    AttributeChange change = new AttributeChange();
    if ((set & LinuxFlags.SET_MODE) != 0) {
      change.mode(StatLayout.mode(stat) & 07777);
    }
    if ((set & LinuxFlags.SET_UID) != 0) {
      change.uid(StatLayout.uid(stat));
    }
    if ((set & LinuxFlags.SET_GID) != 0) {
      change.gid(StatLayout.gid(stat));
    }
    if ((set & LinuxFlags.SET_SIZE) != 0) {
      change.size(StatLayout.size(stat));
    }
    if ((set & LinuxFlags.SET_ATIME_NOW) != 0) {
      change.atimeNow();
    } else if ((set & LinuxFlags.SET_ATIME) != 0) {
      change.atime(StatLayout.atime(stat));
    }
    if ((set & LinuxFlags.SET_MTIME_NOW) != 0) {
      change.mtimeNow();
    } else if ((set & LinuxFlags.SET_MTIME) != 0) {
      change.mtime(StatLayout.mtime(stat));
    }
    return change;
  }

  void readlink(long request, long node) {
    serve(
        Kind.READLINK,
        request,
        node,
        t -> {
          ByteString target = vfs.readLink(inode(node));
          ByteBuffer buffer = t.memory().data(target.size() + 1);
          target.copyTo(buffer);
          buffer.put((byte) 0);
          t.replied(fuse.fuse_reply_readlink(request, t.memory().dataAddress()));
        });
  }

  void mknod(long request, long parent, long name, int mode, long device) {
    serve(
        Kind.MKNOD,
        request,
        parent,
        t ->
            entry(
                t,
                vfs.makeNode(
                    t.caller(),
                    inode(parent),
                    t.name(name),
                    StatLayout.type(mode),
                    mode & 07777,
                    StatLayout.rdev(device))));
  }

  void mkdir(long request, long parent, long name, int mode) {
    serve(
        Kind.MKDIR,
        request,
        parent,
        t -> entry(t, vfs.makeDirectory(t.caller(), inode(parent), t.name(name), mode & 07777)));
  }

  void unlink(long request, long parent, long name) {
    serve(
        Kind.UNLINK,
        request,
        parent,
        t -> {
          vfs.unlink(t.caller(), inode(parent), t.name(name));
          ok(t);
        });
  }

  void rmdir(long request, long parent, long name) {
    serve(
        Kind.RMDIR,
        request,
        parent,
        t -> {
          vfs.removeDirectory(t.caller(), inode(parent), t.name(name));
          ok(t);
        });
  }

  void symlink(long request, long target, long parent, long name) {
    serve(
        Kind.SYMLINK,
        request,
        parent,
        t -> entry(t, vfs.symlink(t.caller(), inode(parent), t.name(name), t.name(target))));
  }

  void rename(long request, long parent, long name, long newParent, long newName) {
    serve(
        Kind.RENAME,
        request,
        parent,
        t -> {
          vfs.rename(t.caller(), inode(parent), t.name(name), inode(newParent), t.name(newName));
          ok(t);
        });
  }

  void link(long request, long node, long newParent, long newName) {
    serve(
        Kind.LINK,
        request,
        node,
        t -> entry(t, vfs.link(t.caller(), inode(node), inode(newParent), t.name(newName))));
  }

  void access(long request, long node, int wanted) {
    serve(
        Kind.ACCESS,
        request,
        node,
        t -> {
          vfs.access(t.memory().callerWithGroups(), inode(node), wanted);
          ok(t);
        });
  }

  void statfs(long request, long node) {
    serve(
        Kind.STATFS,
        request,
        node,
        t -> t.replied(fuse.fuse_reply_statfs(request, t.statvfs(vfs.statFilesystem()))));
  }

  // ---- files

  void create(long request, long parent, long name, int mode, long fileInfo) {
    serve(
        Kind.CREATE,
        request,
        parent,
        t -> {
          int flags = FuseRequest.flags(fileInfo);
          Files.Created created =
              vfs.files()
                  .create(
                      t.memory().callerWithGroups(),
                      inode(parent),
                      t.name(name),
                      mode & 07777,
                      LinuxFlags.mode(flags));
          FuseRequest.opened(fileInfo, created.handle(), LinuxFlags.bypassesPages(flags));
          Attributes attributes = created.attributes();
          // It may have been there, and its size be told by who writes it: not kept at an open.
          long entry = t.memory().entry(node(attributes.getInode()), attributes, keepSeconds, 0);
          if (t.replied(fuse.fuse_reply_create(request, entry, fileInfo)) == -ENOENT) {
            // Nobody waits for the descriptor any more, so nobody will close it.
            vfs.files().release(created.handle());
          }
        });
  }

  void open(long request, long node, long fileInfo) {
    serve(
        Kind.OPEN,
        request,
        node,
        t -> {
          int flags = FuseRequest.flags(fileInfo);
          if (t.memory().openKillsPrivileges()) {
            vfs.dropPrivileges(inode(node));
          }
          long handle = vfs.files().open(t.caller(), inode(node), LinuxFlags.mode(flags));
          if (LinuxFlags.mode(flags).truncate()) {
            kernelSizes.told(node, 0);
          }
          if (keepSeconds > 0) {
            // A size that is kept may be older than what was closed elsewhere.
            kernelCache.dropAttributes(node);
          }
          FuseRequest.opened(fileInfo, handle, LinuxFlags.bypassesPages(flags));
          if (t.replied(fuse.fuse_reply_open(request, fileInfo)) == -ENOENT) {
            vfs.files().release(handle);
          }
        });
  }

  void read(long request, long node, long size, long offset, long fileInfo) {
    serve(
        Kind.READ,
        request,
        node,
        t -> {
          ByteBuffer target = t.memory().data((int) size);
          int count = vfs.files().read(FuseRequest.handle(fileInfo), offset, target);
          if (count < size) {
            kernelSizes.told(node, offset + count);
          }
          t.replied(fuse.fuse_reply_buf(request, t.memory().dataAddress(), count));
        });
  }

  void write(long request, long node, long buffer, long size, long offset, long fileInfo) {
    serve(
        Kind.WRITE,
        request,
        node,
        t -> {
          int flags = FuseRequest.flags(fileInfo);
          if (t.memory().writeKillsPrivileges()) {
            vfs.dropPrivileges(inode(node));
          }
          boolean append = LinuxFlags.isAppend(flags);
          kernelSizes.writeBegins(node);
          boolean written = false;
          try {
            vfs.files()
                .write(
                    FuseRequest.handle(fileInfo),
                    append ? Files.APPEND : offset,
                    t.memory().view(buffer, (int) size),
                    LinuxFlags.isSync(flags));
            t.replied(fuse.fuse_reply_write(request, size));
            written = true;
          } finally {
            // The kernel knows of another place than that of an append.
            kernelSizes.writeEnded(node, written && !append ? offset + size : 0);
          }
          if (append) {
            // Other descriptors have pages of the end as it was. An older kernel (6.1) leaves them
            // where they are when a write passes them by, and no kernel knows of another place.
            kernelCache.drop(node);
          }
        });
  }

  void flush(long request, long node, long fileInfo) {
    serve(
        Kind.FLUSH,
        request,
        node,
        t -> {
          try {
            vfs.files().flush(FuseRequest.handle(fileInfo));
          } finally {
            // Who gets the locks next sees what was written under them.
            locks.onFlush(node, fileInfo);
          }
          ok(t);
        });
  }

  void release(long request, long node, long fileInfo) {
    serve(
        Kind.RELEASE,
        request,
        node,
        t -> {
          locks.onRelease(fileInfo);
          vfs.files().release(FuseRequest.handle(fileInfo));
          ok(t);
        });
  }

  void fsync(long request, long node, int dataOnly, long fileInfo) {
    serve(
        Kind.FSYNC,
        request,
        node,
        t -> {
          vfs.files().fsync(FuseRequest.handle(fileInfo), dataOnly == 0);
          ok(t);
        });
  }

  void fallocate(long request, long node, int mode, long offset, long length, long fileInfo) {
    serve(
        Kind.FALLOCATE,
        request,
        node,
        t -> {
          int known =
              LinuxFlags.FALLOC_KEEP_SIZE
                  | LinuxFlags.FALLOC_PUNCH_HOLE
                  | LinuxFlags.FALLOC_ZERO_RANGE;
          if ((mode & ~known) != 0) {
            throw new Outcome(ErrorCode.NOT_SUPPORTED, "fallocate mode " + mode);
          }
          if (!t.memory().isRoot()) {
            vfs.dropPrivileges(inode(node));
          }
          vfs.files()
              .allocate(
                  FuseRequest.handle(fileInfo),
                  offset,
                  length,
                  (mode & LinuxFlags.FALLOC_KEEP_SIZE) != 0,
                  (mode & LinuxFlags.FALLOC_PUNCH_HOLE) != 0,
                  (mode & LinuxFlags.FALLOC_ZERO_RANGE) != 0);
          ok(t);
        });
  }

  // ---- directories

  void opendir(long request, long node, long fileInfo) {
    serve(
        Kind.OPENDIR,
        request,
        node,
        t -> {
          long handle = vfs.directories().open(inode(node));
          FuseRequest.opened(fileInfo, handle, false);
          if (t.replied(fuse.fuse_reply_open(request, fileInfo)) == -ENOENT) {
            vfs.directories().release(handle);
          }
        });
  }

  void readdir(long request, long node, long size, long cursor, long fileInfo) {
    serve(
        Kind.READDIR,
        request,
        node,
        t -> {
          DirectoryBuffer buffer = new DirectoryBuffer(t.memory().data((int) size));
          vfs.directories().read(FuseRequest.handle(fileInfo), cursor, false, buffer);
          t.replied(fuse.fuse_reply_buf(request, t.memory().dataAddress(), buffer.sizeBytes()));
        });
  }

  void releasedir(long request, long node, long fileInfo) {
    serve(
        Kind.RELEASEDIR,
        request,
        node,
        t -> {
          vfs.directories().release(FuseRequest.handle(fileInfo));
          ok(t);
        });
  }

  /** Names are durable when the call that changed them returns. */
  void fsyncdir(long request, long node, int dataOnly, long fileInfo) {
    serve(Kind.FSYNCDIR, request, node, this::ok);
  }

  // ---- extended attributes

  void setxattr(long request, long node, long name, long value, long size, int flags) {
    serve(
        Kind.SETXATTR,
        request,
        node,
        t -> {
          vfs.setXattr(
              t.caller(),
              inode(node),
              t.name(name),
              t.memory().bytes(value, (int) size),
              (flags & LinuxFlags.XATTR_CREATE) != 0,
              (flags & LinuxFlags.XATTR_REPLACE) != 0);
          ok(t);
        });
  }

  void getxattr(long request, long node, long name, long size) {
    serve(
        Kind.GETXATTR, request, node, t -> xattr(t, vfs.getXattr(inode(node), t.name(name)), size));
  }

  void listxattr(long request, long node, long size) {
    serve(
        Kind.LISTXATTR,
        request,
        node,
        t -> {
          ByteString.Output names = ByteString.newOutput();
          for (ByteString name : vfs.listXattr(inode(node))) {
            names.write(name.toByteArray(), 0, name.size());
            names.write(0);
          }
          xattr(t, names.toByteString(), size);
        });
  }

  void removexattr(long request, long node, long name) {
    serve(
        Kind.REMOVEXATTR,
        request,
        node,
        t -> {
          vfs.removeXattr(t.caller(), inode(node), t.name(name));
          ok(t);
        });
  }

  /** With no room the kernel asks for the size. */
  private void xattr(FuseThread t, ByteString value, long room) {
    if (room == 0) {
      t.replied(fuse.fuse_reply_xattr(t.request(), value.size()));
    } else if (value.size() > room) {
      t.replied(fuse.fuse_reply_err(t.request(), ERANGE));
    } else {
      value.copyTo(t.memory().data(value.size()));
      t.replied(fuse.fuse_reply_buf(t.request(), t.memory().dataAddress(), value.size()));
    }
  }

  // ---- replies

  private void entry(FuseThread t, Attributes attributes) {
    long node = node(attributes.getInode());
    kernelSizes.told(node, attributes.getSize());
    long entry = t.memory().entry(node, attributes, keepSeconds, keepSeconds);
    t.replied(fuse.fuse_reply_entry(t.request(), entry));
  }

  private void attributes(FuseThread t, Attributes attributes) {
    kernelSizes.told(node(attributes.getInode()), attributes.getSize());
    t.replied(fuse.fuse_reply_attr(t.request(), t.memory().stat(attributes), keepSeconds));
  }

  private void ok(FuseThread t) {
    t.replied(fuse.fuse_reply_err(t.request(), 0));
  }

  /** Runs the body; whatever it throws becomes an errno, unless it has replied already. */
  void serve(Kind kind, long request, long node, Body body) {
    FuseThread thread = FuseThread.current();
    thread.begin(kind, request, inode(node), vfs.clock().nowNs());
    int errno = 0;
    try {
      body.run(thread);
    } catch (Outcome e) {
      errno = errno(e.code());
    } catch (BrokenInvariant e) {
      LOG.error("BROKEN INVARIANT in {} of inode {}: the operation fails", kind, inode(node), e);
      errno = EIO;
    } catch (Throwable e) {
      errno = EIO;
      if (reported.add(kind + " " + e.getClass().getName())) {
        LOG.error("{} of inode {} failed; said once for each kind", kind, inode(node), e);
      }
    }
    if (errno != 0 && !thread.hasReplied()) {
      thread.replied(fuse.fuse_reply_err(request, errno));
    }
    thread.end(errno == 0, vfs.clock().nowNs());
  }

  /** EAGAIN means "would block" to an application, which is not what a refusal of ours says. */
  static int errno(ErrorCode code) {
    return code.errno() == EAGAIN && code != ErrorCode.WOULD_BLOCK ? EIO : code.errno();
  }
}
