package io.lockstep.fs.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.fs.vfs.LeasedNames.Directory;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.NamesGrant;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.ReleaseNames;
import io.lockstep.wire.message.RenameEntryReply;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its own lock. Names and attributes that this mount may answer for, by the directory
 * leases that it holds (P14). Knows no clock: whether leases are valid at all is its owner's
 * business.
 *
 * <p>What a lease on a directory covers: entries, absent names, the directory's own attributes, and
 * the attributes of children that are no directories, have one link and are nobody else's to write.
 *
 * <p>Others cannot make anything here wrong, for the master answers them only after the lease was
 * recalled. This mount can: its own changes recall nothing. So whatever is asked begins with {@link
 * #ask} and is taken only if nothing that it speaks of was changed by this mount since; and a
 * change begins with {@link #change} and tells at its end what is true now. Two changes of one
 * directory at the same time leave nothing known of it, for nobody knows which came last.
 *
 * <p>A recall may overtake the answer that brings the lease: it is remembered as long as a question
 * is open that may have proposed it (P4).
 */
final class NameCache {
  /** Immutable. A listing under one lease from the start of the directory, so far. */
  static final class Listing {
    private final Directory directory;

    private Listing(Directory directory) {
      this.directory = directory;
    }
  }

  /** A name that was looked for: {@code attributes} null = there is no such name. */
  record Found(@Nullable Attributes attributes) {}

  private static final int RECALLED_MAX = 10_000;

  private final NameCacheRules rules;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final LeasedNames names;

  @GuardedBy("lock")
  private final OwnChanges changes = new OwnChanges();

  /** Questions up to this moment bring nothing. */
  @GuardedBy("lock")
  private long voidUpTo;

  /**
   * @param entriesMax names kept, of all directories together
   */
  NameCache(int entriesMax) {
    this(entriesMax, NameCacheRules.PRODUCTION);
  }

  NameCache(int entriesMax, NameCacheRules rules) {
    this.names = new LeasedNames(entriesMax);
    this.rules = rules;
  }

  // ---- answers

  /** Null if the master has to be asked. */
  @Nullable Found lookup(long parent, ByteString name) {
    lock.lock();
    try {
      Directory directory = names.directory(parent);
      Long inode = directory == null ? null : names.entry(directory, name);
      if (inode == null) {
        return null;
      }
      if (inode == LeasedNames.ABSENT) {
        return new Found(null);
      }
      Attributes attributes = names.attributes(inode);
      return attributes == null ? null : new Found(attributes);
    } finally {
      lock.unlock();
    }
  }

  /** Null if the master has to be asked. */
  @Nullable Attributes attributes(long inode) {
    lock.lock();
    try {
      return names.attributes(inode);
    } finally {
      lock.unlock();
    }
  }

  int entries() {
    lock.lock();
    try {
      return names.entries();
    } finally {
      lock.unlock();
    }
  }

  // ---- questions

  /**
   * Something about a directory is asked.
   *
   * @param propose whether a lease on it is wanted, if none is held
   * @param find whether a lease on what is found is wanted
   */
  NameAsk ask(long directory, boolean propose, boolean find) {
    lock.lock();
    try {
      return begin(directory, propose, find);
    } finally {
      lock.unlock();
    }
  }

  /** The attributes of an inode are asked, which may be a directory. */
  NameAsk askAttributes(long inode, boolean propose) {
    lock.lock();
    try {
      Directory covering = names.covering(inode);
      return covering == null ? begin(0, false, propose) : begin(covering.inode, false, false);
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private NameAsk begin(long directory, boolean propose, boolean find) {
    long moment = changes.next();
    Directory held = names.directory(directory);
    long lease = propose && held == null ? changes.next() : 0;
    long foundLease = find ? changes.next() : 0;
    changes.asked(moment);
    return new NameAsk(moment, directory, held, lease, foundLease);
  }

  @GuardedBy("lock")
  private void end(NameAsk ask) {
    changes.answered(ask.moment);
    if (!changes.isAnyAsked()) {
      names.forgetRecalled();
    }
  }

  /** The question was not answered, or its answer says nothing. */
  void onNothing(NameAsk ask) {
    lock.lock();
    try {
      end(ask);
    } finally {
      lock.unlock();
    }
  }

  /** A name was looked up; null = there is none. */
  void onWalked(NameAsk ask, ByteString name, @Nullable Attributes found, NamesGrant grant) {
    lock.lock();
    try {
      Directory parent = leased(ask, ask.directory, ask.lease, grant.getAsked());
      if (found != null) {
        noteDirectory(ask, found, grant);
      }
      if (parent != null && isQuiet(ask.directory, ask)) {
        names.put(parent, name, found == null ? LeasedNames.ABSENT : found.getInode());
        if (found != null) {
          noteFile(ask, parent, found, grant.getForeign());
        }
      }
      end(ask);
    } finally {
      lock.unlock();
    }
  }

  /** The answer to {@link #askAttributes}. */
  void onAttributes(NameAsk ask, Attributes attributes, NamesGrant grant) {
    lock.lock();
    try {
      long inode = attributes.getInode();
      noteDirectory(ask, attributes, grant);
      Directory held = leased(ask, ask.directory, 0, false);
      if (held != null && names.covering(inode) == held) {
        if (held.inode != inode) {
          noteFile(ask, held, attributes, grant.getForeign());
        } else if (isQuiet(inode, ask)) {
          held.own = attributes;
        }
      }
      end(ask);
    } finally {
      lock.unlock();
    }
  }

  /**
   * A page of a directory was listed. What this mount changes between two pages is noted when it is
   * changed.
   *
   * @param soFar what the page before it brought, if there was one
   */
  @Nullable Listing onListed(
      NameAsk ask,
      @Nullable Listing soFar,
      long cursor,
      ReadDirectoryReply page,
      NamesGrant grant) {
    lock.lock();
    try {
      Directory directory = leased(ask, ask.directory, ask.lease, grant.getAsked());
      Listing listing = null;
      if (directory != null && isQuiet(ask.directory, ask)) {
        for (DirectoryEntry entry : page.getEntriesList()) {
          names.put(directory, entry.getName(), entry.getInode());
          if (entry.hasAttributes()) {
            noteFile(ask, directory, entry.getAttributes(), false);
          }
        }
        boolean first = cursor == 0;
        boolean follows = soFar != null && soFar.directory == directory;
        if (names.isLive(directory) && (first || follows)) {
          listing = first ? new Listing(directory) : soFar;
          directory.complete |= page.getEnd();
        }
      }
      end(ask);
      return listing;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The directory, if what was answered may be kept under its lease.
   *
   * @param lease that was proposed for it; 0 = it was held when the question began
   */
  @GuardedBy("lock")
  private @Nullable Directory leased(NameAsk ask, long inode, long lease, boolean granted) {
    if (inode == 0 || ask.moment <= voidUpTo) {
      return null;
    }
    if (lease == 0) {
      Directory known = names.directory(inode);
      return known == ask.held ? known : null;
    }
    if (!granted || rules.isRecalled(lease, names.recalled(inode))) {
      return null;
    }
    return names.lease(inode, lease);
  }

  @GuardedBy("lock")
  private void noteDirectory(NameAsk ask, Attributes found, NamesGrant grant) {
    if (found.getType() == FileType.DIRECTORY && ask.foundLease != 0) {
      Directory directory = leased(ask, found.getInode(), ask.foundLease, grant.getFound());
      if (directory != null && isQuiet(found.getInode(), ask)) {
        directory.own = found;
      }
    }
  }

  @GuardedBy("lock")
  private void noteFile(NameAsk ask, Directory directory, Attributes attributes, boolean foreign) {
    if (attributes.getType() != FileType.DIRECTORY) {
      names.note(directory, attributes, !foreign && isQuiet(attributes.getInode(), ask));
    }
  }

  @GuardedBy("lock")
  private boolean isQuiet(long inode, NameAsk ask) {
    return changes.isQuietSince(inode, ask.moment);
  }

  // ---- changes of this mount

  /**
   * This mount is about to change these inodes: the directories whose entries change, or the inode
   * whose attributes do.
   *
   * @param make whether a lease on a new directory is wanted
   */
  NameChange change(boolean make, long... inodes) {
    lock.lock();
    try {
      NameAsk ask = begin(0, false, make);
      Directory[] held = new Directory[inodes.length];
      for (int i = 0; i < inodes.length; i++) {
        held[i] = names.covering(inodes[i]);
        changes.begin(inodes[i]);
      }
      return new NameChange(inodes.clone(), held, ask);
    } finally {
      lock.unlock();
    }
  }

  /** It was refused, and has changed nothing. */
  void onRefused(NameChange change) {
    lock.lock();
    try {
      close(change);
    } finally {
      lock.unlock();
    }
  }

  /** Nobody knows whether or when it is executed: nothing is kept of its inodes in this session. */
  void onUnknown(NameChange change) {
    lock.lock();
    try {
      for (long inode : change.inodes) {
        changes.endUnknown(inode);
        names.forget(inode);
      }
      end(change.ask);
    } finally {
      lock.unlock();
    }
  }

  /** A new name of a new inode, or of one that has another name already. */
  void onMade(NameChange change, long parent, ByteString name, Attributes made, NamesGrant grant) {
    lock.lock();
    try {
      boolean alone = close(change);
      boolean covered = touchFound(change, made, grant);
      Directory directory = changed(change, parent, alone);
      if (directory != null) {
        put(directory, name, made, covered);
      }
      if (made.getType() == FileType.DIRECTORY && change.ask.foundLease != 0 && covered) {
        noteNew(change, made, grant);
      }
      noteOwn(change, alone, grant);
    } finally {
      lock.unlock();
    }
  }

  /** {@code removed} has lost its name; its attributes are those of after. */
  void onRemoved(
      NameChange change, long parent, ByteString name, Attributes removed, NamesGrant grant) {
    lock.lock();
    try {
      boolean alone = close(change);
      touch(removed.getInode());
      Directory directory = changed(change, parent, alone);
      if (directory != null) {
        names.put(directory, name, LeasedNames.ABSENT);
      }
      Directory gone = names.directory(removed.getInode());
      if (gone != null && removed.getNlink() == 0) {
        names.letGo(gone);
      }
      noteOwn(change, alone, grant);
    } finally {
      lock.unlock();
    }
  }

  void onRenamed(
      NameChange change,
      long parent,
      ByteString name,
      long newParent,
      ByteString newName,
      RenameEntryReply renamed,
      NamesGrant grant) {
    lock.lock();
    try {
      boolean alone = close(change);
      Attributes moved = renamed.getMoved();
      boolean covered = touchFound(change, moved, grant);
      if (renamed.hasReplaced()) {
        touch(renamed.getReplaced().getInode());
      }
      // Two links of one file: rename(2) does nothing.
      boolean nothing =
          renamed.hasReplaced() && renamed.getReplaced().getInode() == moved.getInode();
      Directory from = changed(change, parent, alone);
      if (from != null && !nothing) {
        names.put(from, name, LeasedNames.ABSENT);
      }
      Directory to = changed(change, newParent, alone);
      if (to != null) {
        put(to, newName, moved, covered);
      }
      noteOwn(change, alone, grant);
    } finally {
      lock.unlock();
    }
  }

  /** Attributes of an inode as of after the change of it. */
  void onChanged(NameChange change, Attributes after, NamesGrant grant) {
    lock.lock();
    try {
      boolean alone = close(change);
      touch(after.getInode());
      Directory covering = names.covering(after.getInode());
      if (!alone || covering == null || covering != change.held[0]) {
        return;
      }
      if (after.getType() == FileType.DIRECTORY) {
        covering.own = after;
      } else {
        names.note(covering, after, !grant.getForeign());
      }
    } finally {
      lock.unlock();
    }
  }

  /** The inode was changed, in what the answer does not tell. */
  void onChanged(NameChange change) {
    lock.lock();
    try {
      close(change);
      touch(change.inodes[0]);
    } finally {
      lock.unlock();
    }
  }

  /** Something about the inode has changed that the master has to be asked for. */
  void onTouched(long inode) {
    lock.lock();
    try {
      touch(inode);
    } finally {
      lock.unlock();
    }
  }

  /** Whether it was the only change of its inodes all the time. */
  @GuardedBy("lock")
  private boolean close(NameChange change) {
    boolean alone = true;
    for (long inode : change.inodes) {
      alone &= changes.end(inode, change.ask.moment);
    }
    end(change.ask);
    return alone;
  }

  /** From now on open questions bring nothing about this inode, and its attributes are unknown. */
  @GuardedBy("lock")
  private void touch(long inode) {
    changes.touch(inode);
    names.forgetAttributes(inode);
  }

  /** Touches what a change has made or moved; whether the answer tells what it is now. */
  @GuardedBy("lock")
  private boolean touchFound(NameChange change, Attributes found, NamesGrant grant) {
    boolean covered = isQuiet(found.getInode(), change.ask) && !grant.getForeign();
    touch(found.getInode());
    return covered;
  }

  /** The directory, if it is leased as it was before the change. */
  @GuardedBy("lock")
  private @Nullable Directory changed(NameChange change, long inode, boolean alone) {
    for (int i = 0; i < change.inodes.length; i++) {
      if (change.inodes[i] == inode) {
        Directory known = names.directory(inode);
        if (known != null && (!alone || known != change.held[i])) {
          // Leased since, or changed twice at a time: what is known may be from before or after.
          names.forget(inode);
          return null;
        }
        return known;
      }
    }
    throw Check.unreachable("directory %d was not announced", inode);
  }

  @GuardedBy("lock")
  private void put(Directory directory, ByteString name, Attributes child, boolean covered) {
    names.put(directory, name, child.getInode());
    if (child.getType() != FileType.DIRECTORY) {
      names.note(directory, child, covered);
    }
  }

  @GuardedBy("lock")
  private void noteNew(NameChange change, Attributes made, NamesGrant grant) {
    Directory directory =
        leased(change.ask, made.getInode(), change.ask.foundLease, grant.getFound());
    if (directory != null) {
      directory.own = made;
      directory.complete |= grant.getFoundEmpty();
    }
  }

  @GuardedBy("lock")
  private void noteOwn(NameChange change, boolean alone, NamesGrant grant) {
    for (int i = 0; i < change.inodes.length; i++) {
      Directory known = names.directory(change.inodes[i]);
      if (known != null) {
        known.own = null;
        for (Attributes own : grant.getDirectoriesList()) {
          if (own.getInode() == known.inode && known == change.held[i] && alone) {
            known.own = own;
          }
        }
      }
    }
  }

  // ---- leases

  /** The lease and all before it are to go: nothing is answered from it any more. */
  void onRecall(long inode, long lease) {
    lock.lock();
    try {
      names.recall(inode, lease);
      if (!changes.isAnyAsked()) {
        names.forgetRecalled();
      } else if (names.recalledCount() > RECALLED_MAX) {
        names.forgetRecalled();
        voidUpTo = changes.now();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * No lease is ours any more, nor any that an open question brings.
   *
   * @param session it has ended: what it asked for is not executed any more
   */
  void clear(boolean session) {
    lock.lock();
    try {
      names.clear();
      voidUpTo = changes.now();
      if (session) {
        changes.endSession();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Leases that were let go here, to be released; taken once. */
  List<ReleaseNames.Item> takeReleased() {
    lock.lock();
    try {
      return names.takeReleased();
    } finally {
      lock.unlock();
    }
  }
}
