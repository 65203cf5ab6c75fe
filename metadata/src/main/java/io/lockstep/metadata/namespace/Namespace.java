package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Immutable. The namespace of all volumes: directories, inodes, links, xattrs, with the semantics
 * of POSIX and, where that is silent, of ext4. All state is in the store ({@link KeyLayout}).
 *
 * <p>{@link #query} reads any consistent state. {@link #apply} is the transition of the replicated
 * state: it depends on state, request and stamp alone, so that every master makes the same one.
 * Whatever a peer sends is answered with an {@link ErrorCode}; a refused mutation changes nothing.
 *
 * <p>Who may search, read or write a directory is checked by the kernel of the mount
 * (default_permissions); what is checked here is who may change attributes and who may make device
 * nodes. Requests are taken to be of the volume of their session: that is the caller's check.
 */
public final class Namespace {
  /** Key prefixes from this byte on (unsigned) are not the namespace's. */
  public static final int FIRST_FREE_PREFIX = 0x80;

  private static final int ROOT_MODE = 0755;

  private static final Set<Request.BodyCase> QUERIES =
      EnumSet.of(
          Request.BodyCase.WALK,
          Request.BodyCase.GET_ATTRIBUTES,
          Request.BodyCase.READ_DIRECTORY,
          Request.BodyCase.READ_LINK,
          Request.BodyCase.GET_XATTR,
          Request.BodyCase.LIST_XATTR,
          Request.BodyCase.LIST_SET_INODES);

  private static final Set<Request.BodyCase> MUTATIONS =
      EnumSet.of(
          Request.BodyCase.CREATE_INODE,
          Request.BodyCase.REMOVE_ENTRY,
          Request.BodyCase.RENAME_ENTRY,
          Request.BodyCase.LINK_INODE,
          Request.BodyCase.SET_ATTRIBUTES,
          Request.BodyCase.REFRESH_INODES,
          Request.BodyCase.SET_XATTR,
          Request.BodyCase.REMOVE_XATTR);

  /** Whether {@link #query} serves it. */
  public static boolean isQuery(Request request) {
    return QUERIES.contains(request.getBodyCase());
  }

  /** Whether {@link #apply} serves it. */
  public static boolean isMutation(Request request) {
    return MUTATIONS.contains(request.getBodyCase());
  }

  public Reply query(KvReader state, Request request) {
    Queries queries = new Queries(state);
    return switch (request.getBodyCase()) {
      case WALK -> queries.walk(request.getWalk());
      case GET_ATTRIBUTES -> queries.getAttributes(request.getGetAttributes());
      case READ_DIRECTORY -> queries.readDirectory(request.getReadDirectory());
      case READ_LINK -> queries.readLink(request.getReadLink());
      case GET_XATTR -> Xattrs.get(state, request.getGetXattr());
      case LIST_XATTR -> Xattrs.list(state, request.getListXattr());
      case LIST_SET_INODES -> queries.listSetInodes(request.getListSetInodes());
      default -> notServed(request);
    };
  }

  public Reply apply(KvTransaction transaction, Request request, Stamp stamp) {
    Change change = new Change(transaction, Timestamps.ofWall(stamp.wallTimeNs()));
    Reply reply = mutate(change, request, stamp);
    if (reply.getCode() == ErrorCode.OK.number()) {
      change.save();
    }
    return reply;
  }

  private static Reply mutate(Change change, Request request, Stamp stamp) {
    return switch (request.getBodyCase()) {
      case CREATE_INODE -> new Creation(change).create(request.getCreateInode(), stamp.set());
      case LINK_INODE -> new Creation(change).link(request.getLinkInode());
      case REMOVE_ENTRY -> Removal.remove(change, request.getRemoveEntry());
      case RENAME_ENTRY -> new Renaming(change, request.getRenameEntry()).rename();
      case SET_ATTRIBUTES ->
          new AttributeChange(change, request.getSetAttributes()).setAttributes();
      case REFRESH_INODES -> Refresh.refresh(change, request.getRefreshInodes());
      case SET_XATTR -> Xattrs.set(change, request.getSetXattr());
      case REMOVE_XATTR -> Xattrs.remove(change, request.getRemoveXattr());
      default -> notServed(request);
    };
  }

  private static Reply notServed(Request request) {
    return Answers.refused(
        ErrorCode.BAD_REQUEST, "the namespace does not serve " + request.getBodyCase());
  }

  // What the master calls itself.

  /** The root directory of a new volume, owned by uid 0, mode 0755. Returns its inode. */
  public long createVolumeRoot(KvTransaction transaction, long volume, Stamp stamp) {
    return createVolumeRoot(transaction, volume, 0, 0, ROOT_MODE, stamp);
  }

  /** The root directory of a new volume. Returns its inode. */
  public long createVolumeRoot(
      KvTransaction transaction, long volume, int uid, int gid, int mode, Stamp stamp) {
    byte[] version = transaction.get(KeyLayout.version());
    Check.that(
        version == null || Arrays.equals(version, KeyLayout.versionValue()),
        "the store holds a namespace of another format");
    transaction.put(KeyLayout.version(), KeyLayout.versionValue());
    Change change = new Change(transaction, Timestamps.ofWall(stamp.wallTimeNs()));
    Inode root = change.create(volume, FileType.DIRECTORY);
    root.change().setUid(uid).setGid(gid).setMode(mode & Inode.MODE_MASK);
    root.becomeVolumeRoot();
    change.save();
    return root.id();
  }

  /** The attributes of an inode, or null if there is none. Orphans have attributes. */
  public Attributes attributes(KvReader state, long inode) {
    Inode found = new Rows(state).inode(inode);
    return found == null ? null : found.attributes();
  }

  /**
   * The directories whose leases an executed mutation concerns (P14).
   *
   * @param after a state that shows it
   */
  public Set<Long> touched(KvReader after, Request mutation, Reply reply) {
    return Touched.by(after, mutation, reply);
  }

  /** The directory whose lease covers the attributes of this inode; empty if none does. */
  public Set<Long> covering(KvReader state, long inode) {
    return Touched.covering(state, inode);
  }

  /** One path of the inode from the root of its volume; empty for an orphan or none. */
  public ByteString path(KvReader state, long inode) {
    Rows rows = new Rows(state);
    Inode found = rows.inode(inode);
    return found == null ? ByteString.EMPTY : rows.path(found);
  }

  /** Whether the directory (a volume's root) has no entries. */
  public boolean isEmpty(KvReader state, long directory) {
    Inode found = new Rows(state).inode(directory);
    return found == null || found.entries() == 0;
  }

  public Usage usage(KvReader state, long volume) {
    return new Rows(state).usage(volume);
  }

  /** Orphans above {@code afterInode} in order of inode, at most {@code max}. */
  public List<Long> orphans(KvReader state, long afterInode, int max) {
    return Orphans.list(state, afterInode, max);
  }

  /**
   * Removes an orphan with all it has. Null if the inode is no orphan (any more): then nothing
   * changes. Its object, if it had one, is the master's to delete.
   */
  public Collected collect(KvTransaction transaction, long inode) {
    return Orphans.collect(transaction, inode);
  }

  /**
   * One step of removing a volume that no session has open, with everything in it: goes through the
   * inodes from {@code fromInode} on (0 at first), about {@code rowsMax} rows. Objects are not told
   * of: they go with their replicas. Returns where the next step starts, or 0 when the volume is
   * gone.
   */
  public long purge(KvTransaction transaction, long volume, long fromInode, int rowsMax) {
    return new Purge(transaction, volume, rowsMax).step(fromInode);
  }

  /** The id that the next new inode gets. */
  public long nextInode(KvReader state) {
    return new Rows(state).nextInode();
  }

  /** New inodes get ids from {@code floor} on (after a restore: above all that members hold). */
  public void raiseNextInode(KvTransaction transaction, long floor) {
    if (Long.compareUnsigned(floor, new Rows(transaction).nextInode()) > 0) {
      transaction.put(KeyLayout.counter(), KeyLayout.numbers(floor));
    }
  }
}
