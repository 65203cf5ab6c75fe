package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.replication.client.Descriptor;
import io.lockstep.replication.client.FileContent;
import io.lockstep.replication.client.LeaseProposal;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.CreateInodeReply;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.OpenInode;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Immutable. Regular files that are open, by handle. A handle stays good when the file loses its
 * name.
 */
public final class Files {
  private static final Logger LOG = LoggerFactory.getLogger(Files.class);

  /** As an offset: at the end of the file, wherever that is when the write happens. */
  public static final long APPEND = -1;

  /** In place of a handle: by name or number, through nothing that is open. */
  public static final long NO_HANDLE = 0;

  /** What {@link #create} made or found, and the handle that is open on it. */
  public record Created(Attributes attributes, long handle) {}

  private record OpenFile(long inode, FileContent content, Descriptor descriptor, OpenMode mode) {
    /**
     * Fails if a lock that was taken through this descriptor is lost. Not only once: the kernel
     * reads ahead, and tells nobody that this failed.
     */
    void checkLocks() throws Outcome {
      if (descriptor.hasLostLocks()) {
        throw new Outcome(ErrorCode.IO_ERROR, "a lock of this descriptor was lost");
      }
    }
  }

  /** What the master has made or found, and the lease on it that was proposed, if one was. */
  private record Opening(
      Attributes attributes, @Nullable LeaseProposal proposal, LeaseGrant grant) {
    static Opening of(Attributes attributes) {
      return new Opening(attributes, null, LeaseGrant.getDefaultInstance());
    }
  }

  private final MasterCalls master;
  private final Contents contents;
  private final Lookups lookups;
  private final Names names;
  private final OpenInodes openInodes;
  private final boolean readOnly;
  private final HandleTable<OpenFile> handles;

  Files(
      MasterCalls master,
      Contents contents,
      Names names,
      OpenInodes openInodes,
      VfsOptions options) {
    this.master = master;
    this.contents = contents;
    this.names = names;
    this.lookups = new Lookups(master, contents, names);
    this.openInodes = openInodes;
    this.readOnly = options.readOnly();
    this.handles = new HandleTable<>(options.handlesMax());
  }

  /** Opens an existing file; the handle is good until {@link #release}. */
  public long open(Caller caller, long inode, OpenMode mode) throws Outcome {
    if (mode.write() || mode.truncate()) {
      checkWritable();
    }
    handles.reserve();
    try {
      OpenFile file = enter(inode, mode);
      truncateOrLeave(caller, file);
      return handles.add(file);
    } catch (Throwable e) {
      handles.cancel();
      throw e;
    }
  }

  /**
   * Makes a file, or opens the one that has the name already unless the mode is exclusive. That one
   * is opened only if the caller has the permission: nobody above could know that it exists.
   */
  public Created create(Caller caller, long parent, ByteString name, int permissions, OpenMode mode)
      throws Outcome {
    checkWritable();
    Vfs.checkName(name);
    handles.reserve();
    try {
      LeaseProposal proposal = contents.propose(0, LeaseMode.EXCLUSIVE);
      Reply reply = createInode(caller, parent, name, permissions, mode, proposal);
      Attributes attributes = reply.getCreateInode().getAttributes();
      if (reply.getCreateInode().getCreated()) {
        if (openInodes.enterCreated(attributes.getInode())) {
          Opening opening = new Opening(attributes, proposal, reply.getFileLease());
          return new Created(attributes, handles.add(openContent(opening, mode)));
        }
        withdraw(proposal);
        return new Created(attributes, handles.add(enter(attributes.getInode(), mode)));
      }
      withdraw(proposal);
      OpenFile file = enterExisting(caller, attributes, mode);
      return new Created(contents.overlay(attributes), handles.add(file));
    } catch (Throwable e) {
      handles.cancel();
      throw e;
    }
  }

  private Reply createInode(
      Caller caller,
      long parent,
      ByteString name,
      int permissions,
      OpenMode mode,
      @Nullable LeaseProposal proposal)
      throws Outcome {
    CreateInode.Builder create =
        CreateInode.newBuilder()
            .setParent(parent)
            .setName(name)
            .setType(FileType.REGULAR)
            .setMode(permissions)
            .setCaller(caller)
            .setOpen(true)
            .setExistingOk(!mode.exclusive());
    try {
      NameChange change = names.change(false, parent);
      Request.Builder request = proposing(proposal).setCreateInode(create);
      Reply reply = names.send(master, change, request);
      CreateInodeReply created = reply.getCreateInode();
      if (created.getCreated()) {
        names.cache().onMade(change, parent, name, created.getAttributes(), reply.getNames());
      } else {
        names.cache().onRefused(change);
      }
      return reply;
    } catch (Outcome e) {
      withdraw(proposal);
      if (e.code() == ErrorCode.EXISTS && !mode.exclusive()) {
        // Something that is no file took the name after the caller looked: it has to look again.
        throw new Outcome(ErrorCode.STALE_HANDLE, "the name was taken meanwhile");
      }
      throw e;
    }
  }

  private static Request.Builder proposing(@Nullable LeaseProposal proposal) {
    Request.Builder request = Request.newBuilder();
    return proposal == null
        ? request
        : request.setFileLease(proposal.lease()).setFileLeaseMode(proposal.mode());
  }

  private void withdraw(@Nullable LeaseProposal proposal) {
    if (proposal != null) {
      contents.withdraw(proposal);
    }
  }

  private OpenFile enterExisting(Caller caller, Attributes attributes, OpenMode mode)
      throws Outcome {
    Permissions.checkOpen(caller, attributes, mode);
    // The registration that came with the answer may have been overtaken by a message of this mount
    // that closed the inode, so it is made again.
    OpenFile file = enter(attributes.getInode(), mode);
    truncateOrLeave(caller, file);
    return file;
  }

  private void truncateOrLeave(Caller caller, OpenFile file) throws Outcome {
    if (file.mode.truncate()) {
      boolean cut = false;
      try {
        OperationLog.phase("content");
        file.content.truncate(0, caller);
        cut = true;
      } finally {
        names.touched(file.inode);
        if (!cut) {
          leave(file);
        }
      }
    }
  }

  private OpenFile enter(long inode, OpenMode mode) throws Outcome {
    return openContent(register(inode, mode), mode);
  }

  /** Counts a descriptor of the inode and tells the master if it is the first. */
  private Opening register(long inode, OpenMode mode) throws Outcome {
    boolean first = openInodes.enter(inode, master.deadlineNs());
    Opening opening = null;
    try {
      opening = first ? openFirst(inode, mode) : Opening.of(lookups.attributes(inode));
      return opening;
    } finally {
      if (first && opening != null) {
        openInodes.registered(inode);
      } else if (first) {
        openInodes.abandon(inode);
      } else if (opening == null) {
        openInodes.leave(inode);
      }
    }
  }

  private Opening openFirst(long inode, OpenMode mode) throws Outcome {
    LeaseMode wanted = mode.write() || mode.truncate() ? LeaseMode.EXCLUSIVE : LeaseMode.SHARED;
    LeaseProposal proposal = contents.propose(inode, wanted);
    boolean opened = false;
    try {
      OpenInode open = OpenInode.newBuilder().setInode(inode).build();
      Reply reply = master.ask(proposing(proposal).setOpenInode(open).build());
      opened = true;
      return new Opening(reply.getAttributes().getAttributes(), proposal, reply.getFileLease());
    } finally {
      if (!opened) {
        withdraw(proposal);
      }
    }
  }

  private OpenFile openContent(Opening opening, OpenMode mode) throws Outcome {
    Attributes attributes = opening.attributes;
    OpenFile file = null;
    try {
      if (attributes.getType() != FileType.REGULAR) {
        withdraw(opening.proposal);
        throw new Outcome(ErrorCode.INVALID_ARGUMENT, attributes.getType() + " has no content");
      }
      FileContent content =
          opening.proposal == null
              ? contents.open(attributes)
              : contents.open(attributes, opening.proposal, opening.grant);
      file =
          new OpenFile(attributes.getInode(), content, content.newDescriptor(mode.direct()), mode);
      return file;
    } finally {
      if (file == null) {
        openInodes.leave(attributes.getInode());
      }
    }
  }

  private void leave(OpenFile file) {
    try {
      file.content.close(file.descriptor);
    } finally {
      openInodes.leave(file.inode);
    }
  }

  /** The inode that the handle is open on. */
  public long inode(long handle) throws Outcome {
    return handles.get(handle).inode;
  }

  /**
   * Reads from {@code offset} into {@code target} until it is full or the file ends.
   *
   * @return bytes read; 0 at the end of the file
   */
  public int read(long handle, long offset, ByteBuffer target) throws Outcome {
    OpenFile file = handles.get(handle);
    file.checkLocks();
    OperationLog.phase("content");
    int total = 0;
    while (target.hasRemaining()) {
      int count = file.content.read(offset + total, target);
      if (count <= 0) {
        break;
      }
      total += count;
    }
    return total;
  }

  /**
   * Writes all of {@code source}.
   *
   * @param offset in the file, or {@link #APPEND}
   * @param sync return when the bytes are durable
   * @return where the first byte went
   */
  public long write(long handle, long offset, ByteBuffer source, boolean sync) throws Outcome {
    OpenFile file = handles.get(handle);
    if (!file.mode.write()) {
      throw new Outcome(ErrorCode.BAD_HANDLE, "handle is not open for writing");
    }
    file.checkLocks();
    checkEnd(offset, source.remaining());
    OperationLog.phase("content");
    return file.content.write(offset, source, sync, file.descriptor);
  }

  /** Fails once if locks that were taken through this handle are lost, and makes it good again. */
  void checkLocks(long handle) throws Outcome {
    OpenFile file = handles.get(handle);
    if (file.descriptor.takeLostLocks()) {
      throw new Outcome(ErrorCode.IO_ERROR, "a lock of this descriptor was lost");
    }
  }

  /** Locks that were taken through these handles are lost; the inodes of those that are open. */
  Set<Long> onLocksLost(Collection<Long> lost) {
    Set<Long> inodes = new HashSet<>();
    for (long handle : lost) {
      OpenFile file = handles.find(handle);
      if (file != null) {
        LOG.warn("locks of inode {} are lost: its descriptor is told", file.inode);
        file.descriptor.loseLocks();
        inodes.add(file.inode);
      }
    }
    return inodes;
  }

  public void flush(long handle) throws Outcome {
    OpenFile file = handles.get(handle);
    OperationLog.phase("content");
    file.content.flush(file.descriptor);
  }

  /** fsync(2), or without {@code times} fdatasync(2). */
  public void fsync(long handle, boolean times) throws Outcome {
    OpenFile file = handles.get(handle);
    OperationLog.phase("content");
    file.content.fsync(file.descriptor, times);
  }

  public void release(long handle) throws Outcome {
    leave(handles.remove(handle));
  }

  /** fallocate(2): {@code punch} and {@code zero} make zeros, {@code keepSize} never grows. */
  public void allocate(
      long handle, long offset, long length, boolean keepSize, boolean punch, boolean zero)
      throws Outcome {
    OpenFile file = handles.get(handle);
    if (!file.mode.write()) {
      throw new Outcome(ErrorCode.BAD_HANDLE, "handle is not open for writing");
    }
    if (offset < 0 || length <= 0) {
      throw new Outcome(ErrorCode.INVALID_ARGUMENT, "allocate " + length + " at " + offset);
    }
    file.checkLocks();
    checkEnd(offset, length);
    OperationLog.phase("content");
    file.content.allocate(offset, length, keepSize, punch, zero, file.descriptor);
  }

  /**
   * Size or times; answers with the attributes after it.
   *
   * @param handle through which, or {@link #NO_HANDLE} for a file that need not be open
   */
  Attributes setAttributes(Attributes of, SetAttributes change, long handle) throws Outcome {
    if (change.hasSize()) {
      checkEnd(0, change.getSize());
    }
    OperationLog.phase("content");
    if (handle != NO_HANDLE) {
      OpenFile file = handles.get(handle);
      if (change.hasSize()) {
        file.checkLocks();
      }
      return setAttributes(of, change, file.content, file.descriptor);
    }
    FileContent content = contents.open(of);
    Descriptor descriptor = content.newDescriptor(false);
    try {
      return setAttributes(of, change, content, descriptor);
    } finally {
      content.close(descriptor);
    }
  }

  private Attributes setAttributes(
      Attributes of, SetAttributes change, FileContent content, Descriptor descriptor)
      throws Outcome {
    return content.trySetTimes(change)
        ? contents.overlay(of)
        : content.setAttributes(change, descriptor);
  }

  /** Writes back what every open file holds and makes it durable, until the deadline. */
  public void fsyncAll(long deadlineNs) {
    for (OpenFile file : handles.all()) {
      if (master.clock().nowNs() - deadlineNs >= 0) {
        LOG.warn("gave up writing back: the time is over");
        return;
      }
      try {
        file.content.fsync(file.descriptor, true);
      } catch (Outcome e) {
        LOG.warn("inode {} could not be written back: {}", file.inode, e.code());
      }
    }
  }

  /** After the last operation: writes back and releases every handle that is left. */
  void releaseAll(long deadlineNs) {
    fsyncAll(deadlineNs);
    handles.removeAll().forEach(this::leave);
  }

  private void checkWritable() throws Outcome {
    if (readOnly) {
      throw new Outcome(ErrorCode.READ_ONLY, "mounted read-only");
    }
  }

  private static void checkEnd(long offset, long length) throws Outcome {
    if (length < 0 || length > Limits.FILE_BYTES_MAX || offset > Limits.FILE_BYTES_MAX - length) {
      throw new Outcome(ErrorCode.FILE_TOO_BIG, "files end at " + Limits.FILE_BYTES_MAX + " bytes");
    }
  }
}
