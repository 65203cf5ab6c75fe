package io.lockstep.metadata.namespace;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.metadata.kv.KvOverlay;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.MemoryKvStore;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.GetXattr;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.ListXattr;
import io.lockstep.wire.message.ReadDirectory;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.RemoveEntry;
import io.lockstep.wire.message.RemoveXattr;
import io.lockstep.wire.message.RenameEntry;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.SetXattr;
import io.lockstep.wire.message.Walk;
import java.util.ArrayList;
import java.util.List;

/**
 * Confined to one test. A namespace with one volume in memory, whose clock goes on by a second with
 * each mutation. Checks that a refused mutation changes nothing.
 */
final class Tree {
  static final long VOLUME = 77;
  static final long SET = 501;
  static final Caller ROOT = Caller.getDefaultInstance();
  static final Caller USER =
      Caller.newBuilder().setUid(1000).setGid(1000).addGroups(100).addGroups(1000).build();
  static final Caller OTHER = Caller.newBuilder().setUid(2000).setGid(2000).build();

  private static final long SECOND_NS = 1_000_000_000L;

  final MemoryKvStore store = new MemoryKvStore();
  final Namespace namespace = new Namespace();
  final long root;
  Caller caller = ROOT;
  long nowNs = 1_700_000_000 * SECOND_NS;

  Tree() {
    try (KvStore.Batch batch = store.begin()) {
      root = namespace.createVolumeRoot(batch, VOLUME, stamp());
      batch.commit();
    }
  }

  Stamp stamp() {
    return new Stamp(nowNs, SET);
  }

  long now() {
    return nowNs / SECOND_NS;
  }

  Reply apply(Request.Builder request) {
    nowNs += SECOND_NS;
    try (KvStore.Batch batch = store.begin()) {
      KvOverlay overlay = new KvOverlay(batch);
      Reply reply = namespace.apply(overlay, request.build(), stamp());
      if (reply.getCode() != 0) {
        assertThat(overlay.changeCount()).as("changes of a refused request").isZero();
      }
      overlay.forEachChange(
          (key, value) -> {
            if (value == null) {
              batch.delete(key);
            } else {
              batch.put(key, value);
            }
          });
      batch.commit();
      return reply;
    }
  }

  Reply query(Request.Builder request) {
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      return namespace.query(snapshot, request.build());
    }
  }

  List<String> audit() {
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      return NamespaceAudit.run(snapshot);
    }
  }

  Usage usage() {
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      return namespace.usage(snapshot, VOLUME);
    }
  }

  List<Long> orphans() {
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      return namespace.orphans(snapshot, 0, Integer.MAX_VALUE);
    }
  }

  Collected collect(long inode) {
    try (KvStore.Batch batch = store.begin()) {
      Collected collected = namespace.collect(batch, inode);
      batch.commit();
      return collected;
    }
  }

  static ByteString bytes(String name) {
    return ByteString.copyFromUtf8(name);
  }

  static ErrorCode code(Reply reply) {
    return ErrorCode.ofNumber(reply.getCode());
  }

  static Reply ok(Reply reply) {
    assertThat(code(reply)).as(reply.getMessage()).isEqualTo(ErrorCode.OK);
    return reply;
  }

  CreateInode.Builder newInode(long parent, String name, FileType type) {
    return CreateInode.newBuilder()
        .setParent(parent)
        .setName(bytes(name))
        .setType(type)
        .setMode(type == FileType.DIRECTORY ? 0755 : 0644)
        .setCaller(caller);
  }

  Reply tryCreate(CreateInode.Builder asked) {
    return apply(Request.newBuilder().setCreateInode(asked));
  }

  Attributes create(CreateInode.Builder asked) {
    return ok(tryCreate(asked)).getCreateInode().getAttributes();
  }

  long file(long parent, String name) {
    return create(newInode(parent, name, FileType.REGULAR)).getInode();
  }

  long directory(long parent, String name) {
    return create(newInode(parent, name, FileType.DIRECTORY)).getInode();
  }

  long symlink(long parent, String name, String target) {
    return create(newInode(parent, name, FileType.SYMLINK).setSymlinkTarget(bytes(target)))
        .getInode();
  }

  Reply link(long inode, long parent, String name) {
    return apply(
        Request.newBuilder()
            .setLinkInode(
                LinkInode.newBuilder()
                    .setInode(inode)
                    .setNewParent(parent)
                    .setNewName(bytes(name))
                    .setCaller(caller)));
  }

  private Reply remove(long parent, String name, boolean directory) {
    return apply(
        Request.newBuilder()
            .setRemoveEntry(
                RemoveEntry.newBuilder()
                    .setParent(parent)
                    .setName(bytes(name))
                    .setDirectory(directory)
                    .setCaller(caller)));
  }

  Reply unlink(long parent, String name) {
    return remove(parent, name, false);
  }

  Reply rmdir(long parent, String name) {
    return remove(parent, name, true);
  }

  Reply rename(long parent, String name, long newParent, String newName) {
    return rename(newRename(parent, name, newParent, newName));
  }

  Reply rename(RenameEntry.Builder asked) {
    return apply(Request.newBuilder().setRenameEntry(asked));
  }

  RenameEntry.Builder newRename(long parent, String name, long newParent, String newName) {
    return RenameEntry.newBuilder()
        .setParent(parent)
        .setName(bytes(name))
        .setNewParent(newParent)
        .setNewName(bytes(newName))
        .setCaller(caller);
  }

  SetAttributes.Builder newAttributes(long inode) {
    return SetAttributes.newBuilder().setInode(inode).setCaller(caller);
  }

  Reply set(SetAttributes.Builder asked) {
    return apply(Request.newBuilder().setSetAttributes(asked));
  }

  Reply truncate(long inode, long size, Token token) {
    return set(newAttributes(inode).setSize(size).setToken(Convert.message(token)));
  }

  Reply refresh(RefreshInodes.Update.Builder update) {
    return apply(
        Request.newBuilder().setRefreshInodes(RefreshInodes.newBuilder().addUpdates(update)));
  }

  RefreshInodes.Update.Builder newUpdate(long inode, Token token, long size) {
    return RefreshInodes.Update.newBuilder()
        .setInode(inode)
        .setToken(Convert.message(token))
        .setSize(size);
  }

  SetXattr.Builder newXattr(long inode, String name, ByteString value) {
    return SetXattr.newBuilder()
        .setInode(inode)
        .setName(bytes(name))
        .setValue(value)
        .setCaller(caller);
  }

  Reply setXattr(SetXattr.Builder asked) {
    return apply(Request.newBuilder().setSetXattr(asked));
  }

  Reply setXattr(long inode, String name, String value) {
    return setXattr(newXattr(inode, name, bytes(value)));
  }

  Reply removeXattr(long inode, String name) {
    return apply(
        Request.newBuilder()
            .setRemoveXattr(
                RemoveXattr.newBuilder().setInode(inode).setName(bytes(name)).setCaller(caller)));
  }

  Reply getXattr(long inode, String name) {
    return query(
        Request.newBuilder()
            .setGetXattr(GetXattr.newBuilder().setInode(inode).setName(bytes(name))));
  }

  List<String> xattrs(long inode) {
    Reply reply =
        ok(query(Request.newBuilder().setListXattr(ListXattr.newBuilder().setInode(inode))));
    return reply.getListXattr().getNamesList().stream().map(ByteString::toStringUtf8).toList();
  }

  Reply stat(long inode) {
    return query(Request.newBuilder().setGetAttributes(GetAttributes.newBuilder().setInode(inode)));
  }

  Attributes attributes(long inode) {
    return ok(stat(inode)).getAttributes().getAttributes();
  }

  Reply walk(long from, String... names) {
    Walk.Builder walk = Walk.newBuilder().setInode(from);
    for (String name : names) {
      walk.addNames(bytes(name));
    }
    return query(Request.newBuilder().setWalk(walk));
  }

  ReadDirectoryReply page(long directory, long cursor, int max) {
    return ok(query(
            Request.newBuilder()
                .setReadDirectory(
                    ReadDirectory.newBuilder()
                        .setInode(directory)
                        .setCursor(cursor)
                        .setEntriesMax(max)
                        .setWithAttributes(true))))
        .getReadDirectory();
  }

  /** The whole listing, in pages of {@code pageMax}. */
  List<DirectoryEntry> entries(long directory, int pageMax) {
    List<DirectoryEntry> all = new ArrayList<>();
    ReadDirectoryReply page = page(directory, 0, pageMax);
    all.addAll(page.getEntriesList());
    while (!page.getEnd()) {
      page = page(directory, all.get(all.size() - 1).getCursor(), pageMax);
      all.addAll(page.getEntriesList());
    }
    return all;
  }

  List<String> list(long directory) {
    return entries(directory, 2).stream().map(e -> e.getName().toStringUtf8()).toList();
  }
}
