package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.GetXattr;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.ListXattr;
import io.lockstep.wire.message.NamesGrant;
import io.lockstep.wire.message.ReadLink;
import io.lockstep.wire.message.RemoveEntry;
import io.lockstep.wire.message.RemoveXattr;
import io.lockstep.wire.message.RenameEntry;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.SetXattr;
import io.lockstep.wire.message.StatFilesystem;
import io.lockstep.wire.message.StatFilesystemReply;
import io.lockstep.wire.message.Walk;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Immutable. Names, attributes and extended attributes of one volume; {@link #files} and {@link
 * #directories} have what is open. Any thread may call any method; each blocks until its answer or
 * its deadline. Names are bytes.
 *
 * <p>Permission bits are the business of whoever stands above (a kernel that was told to check
 * them); the master checks what only it can see.
 */
public final class Vfs implements AutoCloseable {
  private static final ByteString USER_XATTR = ByteString.copyFromUtf8("user.");

  private final VfsOptions options;
  private final MasterCalls master;
  private final Contents contents;
  private final OpenInodeCloser closer;
  private final Files files;
  private final Directories directories;
  private final Names names;
  private final Lookups lookups;
  private final Locks locks;
  private final Unprivileged unprivileged = new Unprivileged();
  private final OperationLog operations = new OperationLog();

  /** A vfs that keeps no names: every answer is the master's. */
  public Vfs(
      MasterPort master, Contents contents, FileLocks fileLocks, VfsOptions options, Clock clock) {
    this(master, contents, fileLocks, options, Threads.of(clock), Names.none(clock));
  }

  /**
   * Starts the loop that tells the master what was closed; {@link #close} ends it.
   *
   * @param names is told of the session by whoever owns it
   */
  public Vfs(
      MasterPort master,
      Contents contents,
      FileLocks fileLocks,
      VfsOptions options,
      Threads threads,
      Names names) {
    this.options = options;
    this.master = new MasterCalls(master, threads, options.operationNs());
    this.contents = contents;
    OpenInodes openInodes = new OpenInodes(threads);
    this.closer = new OpenInodeCloser(openInodes, this.master);
    this.names = names;
    this.lookups = new Lookups(this.master, contents, names);
    this.files = new Files(this.master, contents, names, openInodes, options);
    this.directories = new Directories(lookups, contents, options);
    this.locks = new Locks(fileLocks, files, this.master);
    closer.start();
  }

  public VfsOptions options() {
    return options;
  }

  public Files files() {
    return files;
  }

  public Directories directories() {
    return directories;
  }

  public Locks locks() {
    return locks;
  }

  public OperationLog operations() {
    return operations;
  }

  public Clock clock() {
    return master.clock();
  }

  /** What this mount has open, as the master should know it. */
  public Collection<Long> openInodes() {
    return closer.openInodes();
  }

  // ---- queries

  public Attributes lookup(long parent, ByteString name) throws Outcome {
    checkName(name);
    return lookups.lookup(parent, name);
  }

  /** Looks up one name after another in one message; symbolic links are not followed. */
  public List<Attributes> resolve(long from, List<ByteString> names) throws Outcome {
    if (names.size() > Limits.WALK_NAMES_MAX) {
      throw new Outcome(ErrorCode.NAME_TOO_LONG, names.size() + " names in one path");
    }
    for (ByteString name : names) {
      checkName(name);
    }
    Walk.Builder walk = Walk.newBuilder().setInode(from).addAllNames(names);
    Reply reply = master.ask(Request.newBuilder().setWalk(walk).build());
    List<Attributes> found = new ArrayList<>(names.size());
    reply.getWalk().getFoundList().forEach(one -> found.add(contents.overlay(one)));
    return found;
  }

  public Attributes attributes(long inode) throws Outcome {
    return lookups.attributes(inode);
  }

  public ByteString readLink(long inode) throws Outcome {
    ReadLink read = ReadLink.newBuilder().setInode(inode).build();
    return master.ask(Request.newBuilder().setReadLink(read).build()).getReadLink().getTarget();
  }

  public StatFilesystemReply statFilesystem() throws Outcome {
    StatFilesystem stat = StatFilesystem.newBuilder().setVolume(options.volume()).build();
    return master.ask(Request.newBuilder().setStatFilesystem(stat).build()).getStatFilesystem();
  }

  /** Only names in {@code user.} exist; others are NOT_SUPPORTED without asking anybody. */
  public ByteString getXattr(long inode, ByteString name) throws Outcome {
    checkXattrName(name);
    GetXattr get = GetXattr.newBuilder().setInode(inode).setName(name).build();
    return master.ask(Request.newBuilder().setGetXattr(get).build()).getGetXattr().getValue();
  }

  public List<ByteString> listXattr(long inode) throws Outcome {
    ListXattr list = ListXattr.newBuilder().setInode(inode).build();
    return master
        .ask(Request.newBuilder().setListXattr(list).build())
        .getListXattr()
        .getNamesList();
  }

  /**
   * Like access(2), by the permission bits.
   *
   * @param wanted 4 to read, 2 to write, 1 to execute or search
   */
  public void access(Caller caller, long inode, int wanted) throws Outcome {
    Attributes attributes = attributes(inode);
    if ((wanted & 2) != 0) {
      checkWritable();
    }
    Permissions.check(caller, attributes, wanted);
  }

  // ---- changes

  public Attributes makeDirectory(Caller caller, long parent, ByteString name, int mode)
      throws Outcome {
    return make(caller, parent, name, FileType.DIRECTORY, CreateInode.newBuilder().setMode(mode));
  }

  /** A fifo, a socket, a device, or an empty regular file that nobody opens. */
  public Attributes makeNode(
      Caller caller, long parent, ByteString name, FileType type, int mode, long rdev)
      throws Outcome {
    CreateInode.Builder create = CreateInode.newBuilder().setMode(mode).setRdev(rdev);
    return make(caller, parent, name, type, create);
  }

  public Attributes symlink(Caller caller, long parent, ByteString name, ByteString target)
      throws Outcome {
    if (target.isEmpty()) {
      throw new Outcome(ErrorCode.NOT_FOUND, "a symbolic link needs a target");
    }
    if (target.size() > Limits.PATH_BYTES_MAX) {
      throw new Outcome(ErrorCode.NAME_TOO_LONG, "target of " + target.size() + " bytes");
    }
    CreateInode.Builder create = CreateInode.newBuilder().setMode(0777).setSymlinkTarget(target);
    return make(caller, parent, name, FileType.SYMLINK, create);
  }

  private Attributes make(
      Caller caller, long parent, ByteString name, FileType type, CreateInode.Builder create)
      throws Outcome {
    checkWritable();
    checkName(name);
    create.setCaller(caller).setParent(parent).setName(name).setType(type);
    NameChange change = names.change(type == FileType.DIRECTORY, parent);
    Reply reply = names.send(master, change, Request.newBuilder().setCreateInode(create));
    Attributes made = reply.getCreateInode().getAttributes();
    names.cache().onMade(change, parent, name, made, reply.getNames());
    names.release();
    return made;
  }

  public void unlink(Caller caller, long parent, ByteString name) throws Outcome {
    remove(caller, parent, name, false);
  }

  public void removeDirectory(Caller caller, long parent, ByteString name) throws Outcome {
    remove(caller, parent, name, true);
  }

  private void remove(Caller caller, long parent, ByteString name, boolean directory)
      throws Outcome {
    checkWritable();
    checkName(name);
    RemoveEntry.Builder remove =
        RemoveEntry.newBuilder()
            .setParent(parent)
            .setName(name)
            .setDirectory(directory)
            .setCaller(caller);
    NameChange change = names.change(false, parent);
    Reply reply = names.send(master, change, Request.newBuilder().setRemoveEntry(remove));
    Attributes removed = reply.getRemoveEntry().getAttributes();
    names.cache().onRemoved(change, parent, name, removed, reply.getNames());
    names.release();
  }

  public void rename(
      Caller caller, long parent, ByteString name, long newParent, ByteString newName)
      throws Outcome {
    checkWritable();
    checkName(name);
    checkName(newName);
    RenameEntry.Builder rename =
        RenameEntry.newBuilder()
            .setParent(parent)
            .setName(name)
            .setNewParent(newParent)
            .setNewName(newName)
            .setCaller(caller);
    NameChange change =
        parent == newParent ? names.change(false, parent) : names.change(false, parent, newParent);
    Reply reply = names.send(master, change, Request.newBuilder().setRenameEntry(rename));
    names
        .cache()
        .onRenamed(
            change, parent, name, newParent, newName, reply.getRenameEntry(), reply.getNames());
  }

  public Attributes link(Caller caller, long inode, long newParent, ByteString newName)
      throws Outcome {
    checkWritable();
    checkName(newName);
    LinkInode.Builder link =
        LinkInode.newBuilder()
            .setInode(inode)
            .setNewParent(newParent)
            .setNewName(newName)
            .setCaller(caller);
    NameChange change = names.change(false, newParent);
    Reply reply = names.send(master, change, Request.newBuilder().setLinkInode(link));
    Attributes linked = reply.getAttributes().getAttributes();
    names.cache().onMade(change, newParent, newName, linked, reply.getNames());
    return contents.overlay(reply.getAttributes().getAttributes());
  }

  /**
   * chmod, chown, utimens and truncate, in one call. Size and times of a file belong to the one who
   * holds it, so they go through its content; everything else goes to the master.
   */
  public Attributes setAttributes(Caller caller, long inode, AttributeChange change)
      throws Outcome {
    return setAttributes(caller, inode, Files.NO_HANDLE, change);
  }

  /**
   * The same through an open file: it cuts nothing if a lock that was taken through it is lost.
   *
   * @param handle of this inode, or {@link Files#NO_HANDLE}
   */
  public Attributes setAttributes(Caller caller, long inode, long handle, AttributeChange change)
      throws Outcome {
    checkWritable();
    try {
      return change(caller, inode, handle, change);
    } finally {
      if (change.setsPrivileges()) {
        unprivileged.forget(inode);
      }
    }
  }

  private Attributes change(Caller caller, long inode, long handle, AttributeChange change)
      throws Outcome {
    SetAttributes.Builder set = change.message(inode).setCaller(caller);
    if (change.belongsToHolder()) {
      Attributes now = attributes(inode);
      if (now.getType() == FileType.REGULAR) {
        return changeContent(now, set.build(), handle);
      }
    }
    return contents.overlay(changeAtMaster(inode, set));
  }

  private Attributes changeAtMaster(long inode, SetAttributes.Builder set) throws Outcome {
    NameChange change = names.change(false, inode);
    Reply reply = names.send(master, change, Request.newBuilder().setSetAttributes(set));
    Attributes after = reply.getAttributes().getAttributes();
    names.cache().onChanged(change, after, reply.getNames());
    return after;
  }

  private Attributes changeContent(Attributes now, SetAttributes set, long handle) throws Outcome {
    NameChange change = names.change(false, now.getInode());
    try {
      Attributes after = files.setAttributes(now, set, handle);
      names.cache().onChanged(change, after, NamesGrant.getDefaultInstance());
      return after;
    } catch (Outcome e) {
      names.failed(change, e.code());
      throw e;
    }
  }

  /**
   * One who may not keep them writes to the file: setuid goes, and setgid where it is more than a
   * mark for locking. Costs nothing for a file that is known to have neither.
   */
  public void dropPrivileges(long inode) throws Outcome {
    if (unprivileged.contains(inode)) {
      return;
    }
    long mark = unprivileged.mark();
    Attributes now = attributes(inode);
    int dropped = now.getMode() & ~Permissions.privileges(now.getMode());
    if (dropped != now.getMode()) {
      AttributeChange change = new AttributeChange().mode(dropped);
      SetAttributes.Builder set = change.message(inode).setCaller(Caller.getDefaultInstance());
      changeAtMaster(inode, set);
    }
    unprivileged.add(inode, mark);
  }

  public void setXattr(
      Caller caller, long inode, ByteString name, ByteString value, boolean create, boolean replace)
      throws Outcome {
    checkXattrName(name);
    checkWritable();
    if (value.size() > Limits.XATTR_VALUE_BYTES_MAX) {
      throw new Outcome(ErrorCode.ARGUMENTS_TOO_LONG, "xattr of " + value.size() + " bytes");
    }
    SetXattr.Builder set =
        SetXattr.newBuilder()
            .setInode(inode)
            .setName(name)
            .setValue(value)
            .setCreate(create)
            .setReplace(replace)
            .setCaller(caller);
    changeXattr(inode, Request.newBuilder().setSetXattr(set));
  }

  public void removeXattr(Caller caller, long inode, ByteString name) throws Outcome {
    checkXattrName(name);
    checkWritable();
    RemoveXattr.Builder remove =
        RemoveXattr.newBuilder().setInode(inode).setName(name).setCaller(caller);
    changeXattr(inode, Request.newBuilder().setRemoveXattr(remove));
  }

  private void changeXattr(long inode, Request.Builder request) throws Outcome {
    NameChange change = names.change(false, inode);
    names.send(master, change, request);
    names.cache().onChanged(change);
  }

  /** Writes back what open files hold, releases them, and tells the master; bounded. */
  @Override
  public void close() {
    files.releaseAll(master.deadlineNs());
    closer.close();
  }

  // ---- checks

  static void checkName(ByteString name) throws Outcome {
    if (name.size() > Limits.NAME_BYTES_MAX) {
      throw new Outcome(ErrorCode.NAME_TOO_LONG, "name of " + name.size() + " bytes");
    }
  }

  private static void checkXattrName(ByteString name) throws Outcome {
    if (!name.startsWith(USER_XATTR)) {
      throw new Outcome(ErrorCode.NOT_SUPPORTED, "only extended attributes in user. are kept");
    }
    if (name.size() == USER_XATTR.size()) {
      throw new Outcome(ErrorCode.INVALID_ARGUMENT, "extended attribute without a name");
    }
    if (name.size() > Limits.XATTR_NAME_BYTES_MAX) {
      throw new Outcome(ErrorCode.OUT_OF_RANGE, "xattr name of " + name.size() + " bytes");
    }
  }

  private void checkWritable() throws Outcome {
    if (options.readOnly()) {
      throw new Outcome(ErrorCode.READ_ONLY, "mounted read-only");
    }
  }
}
