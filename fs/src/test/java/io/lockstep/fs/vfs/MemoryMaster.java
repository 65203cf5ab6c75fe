package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.CreateInodeReply;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.GetXattrReply;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.ListXattrReply;
import io.lockstep.wire.message.ReadDirectory;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.ReadLinkReply;
import io.lockstep.wire.message.RemoveEntry;
import io.lockstep.wire.message.RemoveEntryReply;
import io.lockstep.wire.message.RenameEntry;
import io.lockstep.wire.message.RenameEntryReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.SetXattr;
import io.lockstep.wire.message.StatFilesystemReply;
import io.lockstep.wire.message.Timestamp;
import io.lockstep.wire.message.Walk;
import io.lockstep.wire.message.WalkReply;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Guarded by its own monitor. A namespace in memory that answers like the master. */
final class MemoryMaster implements MasterPort {
  static final long VOLUME = 7;
  static final long ROOT = 100;

  private static final class Node {
    Attributes.Builder attributes = Attributes.newBuilder();
    long parent;
    ByteString target = ByteString.EMPTY;
    final Map<ByteString, Entry> children = new HashMap<>();
    final TreeMap<Long, ByteString> order = new TreeMap<>();
    final Map<ByteString, ByteString> xattrs = new LinkedHashMap<>();
  }

  private record Entry(long inode, long cursor) {}

  private final Map<Long, Node> nodes = new HashMap<>();
  private final Set<Long> open = new HashSet<>();
  private long lastInode = ROOT;
  private long lastCursor;
  int registrations;

  MemoryMaster() {
    Node root = new Node();
    root.attributes
        .setInode(ROOT)
        .setType(FileType.DIRECTORY)
        .setMode(0755)
        .setNlink(2)
        .setVolume(VOLUME)
        .setAtime(now())
        .setMtime(now())
        .setCtime(now());
    root.parent = ROOT;
    nodes.put(ROOT, root);
  }

  synchronized Set<Long> openInodes() {
    return Set.copyOf(open);
  }

  synchronized int registrations() {
    return registrations;
  }

  synchronized boolean exists(long inode) {
    return nodes.containsKey(inode);
  }

  /** What a post-op would tell. */
  synchronized Attributes refresh(long inode, long size, Timestamp mtime) throws Outcome {
    return node(inode).attributes.setSize(size).setMtime(mtime).setCtime(now()).build();
  }

  @Override
  public synchronized Reply mutate(Request.Builder request, long timeoutNs) throws Outcome {
    return ask(request.build(), timeoutNs);
  }

  @Override
  public synchronized Reply ask(Request r, long timeoutNs) throws Outcome {
    Reply.Builder reply = Reply.newBuilder();
    switch (r.getBodyCase()) {
      case WALK -> reply.setWalk(walk(r.getWalk()));
      case GET_ATTRIBUTES -> reply.setAttributes(attributes(r.getGetAttributes().getInode()));
      case OPEN_INODE -> {
        reply.setAttributes(attributes(r.getOpenInode().getInode()));
        open.add(r.getOpenInode().getInode());
        registrations++;
      }
      case CLOSE_INODES -> r.getCloseInodes().getInodesList().forEach(this::closed);
      case READ_DIRECTORY -> reply.setReadDirectory(readDirectory(r.getReadDirectory()));
      case READ_LINK ->
          reply.setReadLink(
              ReadLinkReply.newBuilder().setTarget(node(r.getReadLink().getInode()).target));
      case CREATE_INODE -> reply.setCreateInode(create(r.getCreateInode()));
      case REMOVE_ENTRY -> reply.setRemoveEntry(remove(r.getRemoveEntry()));
      case RENAME_ENTRY -> reply.setRenameEntry(rename(r.getRenameEntry()));
      case LINK_INODE -> reply.setAttributes(link(r.getLinkInode()));
      case SET_ATTRIBUTES -> reply.setAttributes(set(r.getSetAttributes()));
      case GET_XATTR -> reply.setGetXattr(getXattr(r));
      case LIST_XATTR ->
          reply.setListXattr(
              ListXattrReply.newBuilder()
                  .addAllNames(node(r.getListXattr().getInode()).xattrs.keySet()));
      case SET_XATTR -> setXattr(r.getSetXattr());
      case REMOVE_XATTR -> {
        if (node(r.getRemoveXattr().getInode()).xattrs.remove(r.getRemoveXattr().getName())
            == null) {
          throw new Outcome(ErrorCode.NO_ATTRIBUTE, "");
        }
      }
      case STAT_FILESYSTEM ->
          reply.setStatFilesystem(
              StatFilesystemReply.newBuilder()
                  .setTotalBytes(1L << 40)
                  .setFreeBytes(1L << 39)
                  .setAvailableBytes(1L << 38)
                  .setInodes(nodes.size())
                  .setInodesFree(1_000_000));
      default -> throw new Outcome(ErrorCode.NOT_IMPLEMENTED, r.getBodyCase().name());
    }
    return reply.build();
  }

  private static Timestamp now() {
    return Convert.timestamp(SystemClock.INSTANCE.wallTimeNs());
  }

  private Node node(long inode) throws Outcome {
    Node node = nodes.get(inode);
    if (node == null) {
      throw new Outcome(ErrorCode.NOT_FOUND, "inode " + inode);
    }
    return node;
  }

  private Node directory(long inode) throws Outcome {
    Node node = node(inode);
    if (node.attributes.getType() != FileType.DIRECTORY) {
      throw new Outcome(ErrorCode.NOT_DIRECTORY, "inode " + inode);
    }
    return node;
  }

  private Node child(long parent, ByteString name) throws Outcome {
    Entry entry = directory(parent).children.get(name);
    if (entry == null) {
      throw new Outcome(ErrorCode.NOT_FOUND, "no such name");
    }
    return node(entry.inode);
  }

  private AttributesReply attributes(long inode) throws Outcome {
    return AttributesReply.newBuilder().setAttributes(node(inode).attributes.build()).build();
  }

  private WalkReply walk(Walk walk) throws Outcome {
    WalkReply.Builder reply = WalkReply.newBuilder();
    long at = walk.getInode();
    for (ByteString name : walk.getNamesList()) {
      Node found = name.toStringUtf8().equals("..") ? node(node(at).parent) : child(at, name);
      reply.addFound(found.attributes.build());
      at = found.attributes.getInode();
    }
    return reply.build();
  }

  private ReadDirectoryReply readDirectory(ReadDirectory read) throws Outcome {
    Node directory = directory(read.getInode());
    ReadDirectoryReply.Builder reply = ReadDirectoryReply.newBuilder().setParent(directory.parent);
    for (Map.Entry<Long, ByteString> each :
        directory.order.tailMap(read.getCursor(), false).entrySet()) {
      if (reply.getEntriesCount() == read.getEntriesMax()) {
        return reply.build();
      }
      Node node = node(directory.children.get(each.getValue()).inode);
      reply.addEntries(
          DirectoryEntry.newBuilder()
              .setName(each.getValue())
              .setInode(node.attributes.getInode())
              .setType(node.attributes.getType())
              .setCursor(each.getKey()));
    }
    return reply.setEnd(true).build();
  }

  private void enter(Node directory, ByteString name, Node node) {
    lastCursor++;
    directory.children.put(name, new Entry(node.attributes.getInode(), lastCursor));
    directory.order.put(lastCursor, name);
    changed(directory);
    if (node.attributes.getType() == FileType.DIRECTORY) {
      node.parent = directory.attributes.getInode();
      directory.attributes.setNlink(directory.attributes.getNlink() + 1);
    }
  }

  private Node leave(Node directory, ByteString name) {
    Entry entry = directory.children.remove(name);
    directory.order.remove(entry.cursor);
    changed(directory);
    Node node = nodes.get(entry.inode);
    if (node.attributes.getType() == FileType.DIRECTORY) {
      directory.attributes.setNlink(directory.attributes.getNlink() - 1);
    }
    return node;
  }

  private static void changed(Node node) {
    node.attributes.setMtime(now()).setCtime(now());
  }

  private CreateInodeReply create(CreateInode create) throws Outcome {
    Node parent = directory(create.getParent());
    if (parent.children.containsKey(create.getName())) {
      Node existing = child(create.getParent(), create.getName());
      if (!create.getExistingOk() || existing.attributes.getType() != FileType.REGULAR) {
        throw new Outcome(ErrorCode.EXISTS, "");
      }
      return CreateInodeReply.newBuilder().setAttributes(existing.attributes.build()).build();
    }
    Node node = new Node();
    lastInode++;
    boolean directory = create.getType() == FileType.DIRECTORY;
    boolean setgid = (parent.attributes.getMode() & 02000) != 0;
    node.attributes
        .setInode(lastInode)
        .setType(create.getType())
        .setMode(create.getMode() | (directory && setgid ? 02000 : 0))
        .setUid(create.getCaller().getUid())
        .setGid(setgid ? parent.attributes.getGid() : create.getCaller().getGid())
        .setNlink(directory ? 2 : 1)
        .setSize(create.getSymlinkTarget().size())
        .setRdev(create.getRdev())
        .setVolume(VOLUME)
        .setAtime(now())
        .setMtime(now())
        .setCtime(now());
    node.target = create.getSymlinkTarget();
    nodes.put(lastInode, node);
    enter(parent, create.getName(), node);
    if (create.getOpen()) {
      open.add(lastInode);
      registrations++;
    }
    return CreateInodeReply.newBuilder()
        .setAttributes(node.attributes.build())
        .setCreated(true)
        .build();
  }

  private void unlinked(Node node) {
    boolean directory = node.attributes.getType() == FileType.DIRECTORY;
    node.attributes.setNlink(directory ? 0 : node.attributes.getNlink() - 1).setCtime(now());
    closed(node.attributes.getInode(), false);
  }

  private void closed(long inode) {
    closed(inode, true);
  }

  private void closed(long inode, boolean closes) {
    if (closes) {
      open.remove(inode);
    }
    Node node = nodes.get(inode);
    if (node != null && node.attributes.getNlink() == 0 && !open.contains(inode)) {
      nodes.remove(inode);
    }
  }

  private static void sticky(Node directory, Node node, int uid) throws Outcome {
    if ((directory.attributes.getMode() & 01000) != 0
        && uid != 0
        && uid != node.attributes.getUid()
        && uid != directory.attributes.getUid()) {
      throw new Outcome(ErrorCode.NOT_PERMITTED, "sticky");
    }
  }

  private RemoveEntryReply remove(RemoveEntry remove) throws Outcome {
    Node directory = directory(remove.getParent());
    Node node = child(remove.getParent(), remove.getName());
    sticky(directory, node, remove.getCaller().getUid());
    boolean isDirectory = node.attributes.getType() == FileType.DIRECTORY;
    if (isDirectory != remove.getDirectory()) {
      throw new Outcome(isDirectory ? ErrorCode.IS_DIRECTORY : ErrorCode.NOT_DIRECTORY, "");
    }
    if (!node.children.isEmpty()) {
      throw new Outcome(ErrorCode.NOT_EMPTY, "");
    }
    leave(directory, remove.getName());
    unlinked(node);
    return RemoveEntryReply.newBuilder().setAttributes(node.attributes.build()).build();
  }

  private RenameEntryReply rename(RenameEntry rename) throws Outcome {
    Node from = directory(rename.getParent());
    Node to = directory(rename.getNewParent());
    Node moved = child(rename.getParent(), rename.getName());
    sticky(from, moved, rename.getCaller().getUid());
    Entry old = to.children.get(rename.getNewName());
    if (old != null) {
      Node replaced = node(old.inode);
      if (replaced == moved) {
        return RenameEntryReply.getDefaultInstance();
      }
      boolean isDirectory = moved.attributes.getType() == FileType.DIRECTORY;
      boolean onDirectory = replaced.attributes.getType() == FileType.DIRECTORY;
      if (isDirectory != onDirectory) {
        throw new Outcome(onDirectory ? ErrorCode.IS_DIRECTORY : ErrorCode.NOT_DIRECTORY, "");
      }
      if (!replaced.children.isEmpty()) {
        throw new Outcome(ErrorCode.NOT_EMPTY, "");
      }
      leave(to, rename.getNewName());
      unlinked(replaced);
    }
    leave(from, rename.getName());
    enter(to, rename.getNewName(), moved);
    moved.attributes.setCtime(now());
    return RenameEntryReply.newBuilder().setMoved(moved.attributes.build()).build();
  }

  private AttributesReply link(LinkInode link) throws Outcome {
    Node directory = directory(link.getNewParent());
    Node node = node(link.getInode());
    if (directory.children.containsKey(link.getNewName())) {
      throw new Outcome(ErrorCode.EXISTS, "");
    }
    enter(directory, link.getNewName(), node);
    node.attributes.setNlink(node.attributes.getNlink() + 1).setCtime(now());
    return attributes(link.getInode());
  }

  private AttributesReply set(SetAttributes set) throws Outcome {
    Attributes.Builder a = node(set.getInode()).attributes;
    if (set.hasMode()) {
      a.setMode(set.getMode());
    }
    if (set.hasUid()) {
      a.setUid(set.getUid());
    }
    if (set.hasGid()) {
      a.setGid(set.getGid());
    }
    if (set.hasSize()) {
      a.setSize(set.getSize()).setMtime(now());
    }
    if (set.hasAtime() || set.getAtimeNow()) {
      a.setAtime(set.getAtimeNow() ? now() : set.getAtime());
    }
    if (set.hasMtime() || set.getMtimeNow()) {
      a.setMtime(set.getMtimeNow() ? now() : set.getMtime());
    }
    a.setCtime(now());
    return attributes(set.getInode());
  }

  private GetXattrReply getXattr(Request r) throws Outcome {
    ByteString value = node(r.getGetXattr().getInode()).xattrs.get(r.getGetXattr().getName());
    if (value == null) {
      throw new Outcome(ErrorCode.NO_ATTRIBUTE, "");
    }
    return GetXattrReply.newBuilder().setValue(value).build();
  }

  private void setXattr(SetXattr set) throws Outcome {
    Map<ByteString, ByteString> xattrs = node(set.getInode()).xattrs;
    boolean exists = xattrs.containsKey(set.getName());
    if (set.getCreate() && exists) {
      throw new Outcome(ErrorCode.EXISTS, "");
    }
    if (set.getReplace() && !exists) {
      throw new Outcome(ErrorCode.NO_ATTRIBUTE, "");
    }
    xattrs.put(set.getName(), set.getValue());
  }
}
