package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.metadata.kv.KvReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Confined to one audit. The fsck of the namespace: compares every row of {@link KeyLayout} with
 * those that have to agree with it. Reads one consistent state and repairs nothing.
 */
public final class NamespaceAudit {
  private static final int PROBLEMS_MAX = 100;

  private final KvReader state;
  private final Rows rows;
  private final List<String> problems = new ArrayList<>();
  private final Map<Long, Usage> usages = new TreeMap<>();
  private final Set<Long> reachRoot = new HashSet<>();

  private NamespaceAudit(KvReader state) {
    this.state = state;
    this.rows = new Rows(state);
  }

  /** What is wrong, one line each, at most 100; empty = all is well. */
  public static List<String> run(KvReader state) {
    NamespaceAudit audit = new NamespaceAudit(state);
    audit.each(KeyLayout.INODE, audit::checkInode);
    audit.each(KeyLayout.NAME, audit::checkName);
    audit.each(KeyLayout.POSITION, audit::checkPosition);
    audit.each(KeyLayout.LINK, audit::checkLink);
    audit.each(KeyLayout.XATTR, audit::checkOwner);
    audit.each(KeyLayout.ORPHAN, audit::checkOrphan);
    audit.each(KeyLayout.SET_INDEX, audit::checkSetIndex);
    audit.each(KeyLayout.USAGE, audit::checkUsage);
    audit.usages.forEach((volume, usage) -> audit.report("volume %d has no usage row", volume));
    return audit.problems;
  }

  private interface RowCheck {
    void check(byte[] key, byte[] value);
  }

  private void each(byte kind, RowCheck check) {
    byte[] prefix = {kind};
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> {
          check.check(key, value);
          return problems.size() < PROBLEMS_MAX;
        });
  }

  private void report(String format, Object... values) {
    if (problems.size() < PROBLEMS_MAX) {
      problems.add(String.format(Locale.ROOT, format, values));
    }
  }

  private void expect(boolean holds, String format, Object... values) {
    if (!holds) {
      report(format, values);
    }
  }

  private void checkInode(byte[] key, byte[] value) {
    Inode inode = Inode.decode(value);
    long id = KeyLayout.number(key, KeyLayout.FIRST_ID);
    expect(inode.id() == id, "inode %d says that it is %d", id, inode.id());
    expect(
        Long.compareUnsigned(id, rows.nextInode()) < 0,
        "inode %d is not below the counter %d",
        id,
        rows.nextInode());
    usages.merge(
        inode.volume(),
        new Usage(1, inode.usageBytes()),
        (a, b) -> new Usage(a.inodes() + b.inodes(), a.bytes() + b.bytes()));
    boolean orphan = state.get(KeyLayout.orphan(id)) != null;
    expect(orphan == inode.isDead(), "inode %d: nlink %d, orphan %b", id, inode.nlink(), orphan);
    boolean indexed = inode.set() != 0;
    expect(inode.isRegular() == indexed, "inode %d is %s in set %d", id, inode.type(), inode.set());
    expect(
        !indexed || state.get(KeyLayout.setIndex(inode.set(), id)) != null,
        "inode %d is not in the index of set %d",
        id,
        inode.set());
    checkLinkCount(inode);
    checkXattrBytes(inode);
    if (inode.isDirectory()) {
      checkDirectory(inode);
    }
  }

  private void checkLinkCount(Inode inode) {
    long names = count(KeyLayout.links(inode.id()));
    long expected = inode.nlink();
    if (inode.isDirectory()) {
      expected = inode.isDead() || inode.isVolumeRoot() ? 0 : 1;
    }
    expect(
        names == expected, "inode %d has %d names, nlink is %d", inode.id(), names, inode.nlink());
  }

  private void checkXattrBytes(Inode inode) {
    long[] found = {0, 0};
    byte[] prefix = KeyLayout.xattrs(inode.id());
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> {
          int nameBytes = KeyLayout.nameIn(key).size() + 1;
          found[0] += nameBytes;
          found[1] += nameBytes + value.length;
          return true;
        });
    expect(
        found[0] == inode.xattrNameBytes() && found[1] == inode.xattrBytes(),
        "inode %d has %d and %d bytes of xattrs, says %d and %d",
        inode.id(),
        found[0],
        found[1],
        inode.xattrNameBytes(),
        inode.xattrBytes());
  }

  private void checkDirectory(Inode directory) {
    long[] found = {0, 0};
    byte[] prefix = KeyLayout.positions(directory.id());
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> {
          Dentry dentry = Dentry.ofPosition(key, value);
          found[0]++;
          found[1] += dentry.isDirectory() ? 1 : 0;
          expect(
              dentry.position() >= directory.lastPosition(),
              "directory %d: position %d is below the last one, %d",
              directory.id(),
              dentry.position(),
              directory.lastPosition());
          return true;
        });
    long expectedLinks = directory.isDead() ? 0 : 2 + found[1];
    expect(
        found[0] == directory.entries() && directory.nlink() == expectedLinks,
        "directory %d has %d entries and %d subdirectories, says %d entries and nlink %d",
        directory.id(),
        found[0],
        found[1],
        directory.entries(),
        directory.nlink());
    expect(
        count(KeyLayout.names(directory.id())) == found[0],
        "directory %d has not as many names as positions",
        directory.id());
    if (!directory.isDead()) {
      checkReachesRoot(directory);
    }
  }

  private void checkReachesRoot(Inode directory) {
    Set<Long> path = new HashSet<>();
    Inode here = directory;
    while (here != null
        && !here.isVolumeRoot()
        && !reachRoot.contains(here.id())
        && path.add(here.id())) {
      long parent = rows.parent(here.id());
      here = rows.inode(parent);
    }
    boolean reached = here != null && (here.isVolumeRoot() || reachRoot.contains(here.id()));
    expect(
        reached && here.volume() == directory.volume(),
        "directory %d is not below the root of volume %d",
        directory.id(),
        directory.volume());
    if (reached) {
      reachRoot.addAll(path);
    }
  }

  private void checkName(byte[] key, byte[] value) {
    long directory = KeyLayout.number(key, KeyLayout.FIRST_ID);
    Dentry dentry = Dentry.ofName(KeyLayout.nameIn(key), value);
    Inode inode = rows.inode(dentry.inode());
    expect(
        inode != null && inode.type() == dentry.type(),
        "entry %s of directory %d names inode %d, which is %s",
        shown(dentry.name()),
        directory,
        dentry.inode(),
        inode == null ? "missing" : inode.type());
    byte[] other = state.get(KeyLayout.position(directory, dentry.position()));
    expect(
        Arrays.equals(other, dentry.positionValue()),
        "entry %s of directory %d has another row at its position",
        shown(dentry.name()),
        directory);
    expect(
        state.get(KeyLayout.link(dentry.inode(), directory, dentry.name())) != null,
        "entry %s of directory %d: inode %d does not know it",
        shown(dentry.name()),
        directory,
        dentry.inode());
    Inode parent = rows.inode(directory);
    expect(
        parent != null && parent.isDirectory() && !parent.isDead(),
        "entry %s is in %d, which is no live directory",
        shown(dentry.name()),
        directory);
  }

  private void checkPosition(byte[] key, byte[] value) {
    long directory = KeyLayout.number(key, KeyLayout.FIRST_ID);
    Dentry dentry = Dentry.ofPosition(key, value);
    expect(
        Arrays.equals(state.get(KeyLayout.name(directory, dentry.name())), dentry.nameValue()),
        "position %d of directory %d: the row of name %s differs",
        dentry.position(),
        directory,
        shown(dentry.name()));
  }

  private void checkLink(byte[] key, byte[] value) {
    long inode = KeyLayout.number(key, KeyLayout.FIRST_ID);
    long directory = KeyLayout.number(key, KeyLayout.SECOND_ID);
    Dentry dentry = rows.dentry(directory, KeyLayout.nameInLink(key));
    expect(
        dentry != null && dentry.inode() == inode,
        "inode %d believes in its name %s in directory %d",
        inode,
        shown(KeyLayout.nameInLink(key)),
        directory);
  }

  private void checkOwner(byte[] key, byte[] value) {
    long inode = KeyLayout.number(key, KeyLayout.FIRST_ID);
    expect(rows.inode(inode) != null, "xattr %s of no inode %d", KeyLayout.nameIn(key), inode);
  }

  private void checkOrphan(byte[] key, byte[] value) {
    long id = KeyLayout.number(key, KeyLayout.FIRST_ID);
    Inode inode = rows.inode(id);
    expect(inode != null && inode.isDead(), "orphan %d is missing or has names", id);
  }

  private void checkSetIndex(byte[] key, byte[] value) {
    long set = KeyLayout.number(key, KeyLayout.FIRST_ID);
    long id = KeyLayout.number(key, KeyLayout.SECOND_ID);
    Inode inode = rows.inode(id);
    expect(inode != null && inode.set() == set, "inode %d is not of set %d", id, set);
  }

  private void checkUsage(byte[] key, byte[] value) {
    long volume = KeyLayout.number(key, KeyLayout.FIRST_ID);
    Usage found = usages.remove(volume);
    Usage said = rows.usage(volume);
    expect(
        said.equals(found == null ? Usage.NONE : found),
        "volume %d holds %s, says %s",
        volume,
        found,
        said);
  }

  private long count(byte[] prefix) {
    long[] count = {0};
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> {
          count[0]++;
          return true;
        });
    return count[0];
  }

  private static String shown(ByteString name) {
    return name.isValidUtf8() ? name.toStringUtf8() : name.toString();
  }
}
