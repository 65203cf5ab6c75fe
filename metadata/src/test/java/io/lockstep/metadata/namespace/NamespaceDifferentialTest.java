package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.bytes;
import static io.lockstep.metadata.namespace.Tree.code;
import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.ReadLink;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Timestamp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same random operations on a namespace and on an ext4 of this machine: errno, attributes, link
 * identity, xattrs, and which of mtime and ctime of which inode each operation changes.
 */
final class NamespaceDifferentialTest {
  private static final int OPERATIONS = Integer.getInteger("differential.operations", 800);
  private static final int PATHS_MANY = 40;
  private static final String LONGEST = "n".repeat(255);

  @TempDir private Path directory;

  private final long seed = Long.getLong("seed", 7);
  private final Random random = new Random(seed);
  private final Tree tree = new Tree();
  private final Map<ErrorCode, Integer> outcomes = new EnumMap<>(ErrorCode.class);
  private Ext4 ext4;
  private LocalTree local;
  private boolean isRoot;
  private int umask;
  private Map<String, LocalTree.Stat> localBefore;
  private Map<String, Attributes> before;
  private List<String> paths;
  private long writes;

  @BeforeEach
  void prepare() throws IOException {
    ext4 = Ext4.at(directory);
    local = new LocalTree(ext4.directory());
    LocalTree.Stat top = local.snapshot().get("");
    isRoot = top.uid() == 0;
    umask = 0777 & ~top.mode();
    tree.caller = Caller.newBuilder().setUid(top.uid()).setGid(top.gid()).build();
    ok(
        tree.apply(
            Request.newBuilder()
                .setSetAttributes(
                    tree.newAttributes(tree.root)
                        .setCaller(Tree.ROOT)
                        .setUid(top.uid())
                        .setGid(top.gid())
                        .setMode(top.mode() & 07777))));
  }

  @AfterEach
  void removeExt4() throws IOException {
    ext4.close();
  }

  @Test
  void randomOperationsBehaveLikeExt4() throws IOException {
    System.out.println("NamespaceDifferentialTest seed " + seed);
    localBefore = local.snapshot();
    before = snapshot();
    for (int i = 0; i < OPERATIONS; i++) {
      paths = new ArrayList<>(localBefore.keySet());
      local.awaitTick();
      String operation = i + " " + step() + ", seed " + seed;
      compare(operation);
    }
    System.out.println("NamespaceDifferentialTest compared " + outcomes);
    assertThat(outcomes)
        .containsKeys(
            ErrorCode.OK,
            ErrorCode.NOT_FOUND,
            ErrorCode.EXISTS,
            ErrorCode.NOT_DIRECTORY,
            ErrorCode.IS_DIRECTORY,
            ErrorCode.NOT_EMPTY,
            ErrorCode.INVALID_ARGUMENT,
            ErrorCode.NAME_TOO_LONG);
    assertThat(tree.audit()).isEmpty();
  }

  // ---- choices

  private static boolean isOf(LocalTree.Stat stat, int type) {
    return (stat.mode() & 0170000) == type;
  }

  private boolean isSymlink(String path) {
    return isOf(localBefore.get(path), 0120000);
  }

  private String pick() {
    return paths.get(random.nextInt(paths.size()));
  }

  /** A path that need not exist; nothing on its way is a symbolic link. */
  private String pickNew() {
    if (random.nextInt(3) == 0) {
      return pick();
    }
    String parent = pick();
    boolean anyParent = random.nextInt(12) == 0;
    while (isSymlink(parent) || (!anyParent && !isOf(localBefore.get(parent), 0040000))) {
      parent = pick();
    }
    String name =
        switch (random.nextInt(25)) {
          case 0 -> LONGEST;
          case 1 -> LONGEST + "n";
          case 2 -> "none/" + (char) ('a' + random.nextInt(3));
          default -> String.valueOf((char) ('a' + random.nextInt(6)));
        };
    return parent.isEmpty() ? name : parent + "/" + name;
  }

  // ---- the namespace by path

  private static List<String> parts(String path) {
    return path.isEmpty() ? List.of() : List.of(path.split("/"));
  }

  /** Where a path leads; the inode, or -1 for no such entry and -2 for a file on the way. */
  private long resolve(List<String> parts) {
    if (parts.isEmpty()) {
      return tree.root;
    }
    Reply reply = tree.walk(tree.root, parts.toArray(String[]::new));
    return switch (code(reply)) {
      case OK -> reply.getWalk().getFound(parts.size() - 1).getInode();
      case NOT_FOUND -> -1;
      case NOT_DIRECTORY -> -2;
      case NAME_TOO_LONG -> -3;
      default -> throw new AssertionError("walk answers " + reply);
    };
  }

  private static ErrorCode lost(long resolved) {
    return switch ((int) resolved) {
      case -1 -> ErrorCode.NOT_FOUND;
      case -2 -> ErrorCode.NOT_DIRECTORY;
      default -> ErrorCode.NAME_TOO_LONG;
    };
  }

  private interface EntryOperation {
    Reply run(long parent, String name);
  }

  private ErrorCode atEntry(String path, EntryOperation operation) {
    List<String> parts = parts(path);
    long parent = resolve(parts.subList(0, parts.size() - 1));
    if (parent < 0) {
      return lost(parent);
    }
    return code(operation.run(parent, parts.get(parts.size() - 1)));
  }

  private ErrorCode create(String path, FileType type, String target) {
    int mode = (type == FileType.DIRECTORY ? 0777 : 0666) & ~umask;
    return atEntry(
        path,
        (parent, name) ->
            tree.tryCreate(
                tree.newInode(parent, name, type).setMode(mode).setSymlinkTarget(bytes(target))));
  }

  private ErrorCode delete(String path) {
    long inode = resolve(parts(path));
    if (inode < 0) {
      return lost(inode);
    }
    boolean isDirectory = tree.attributes(inode).getType() == FileType.DIRECTORY;
    return atEntry(
        path, (parent, name) -> isDirectory ? tree.rmdir(parent, name) : tree.unlink(parent, name));
  }

  private ErrorCode link(String path, String newPath) {
    long inode = resolve(parts(path));
    return atEntry(newPath, (parent, name) -> tree.link(inode, parent, name));
  }

  private ErrorCode rename(String path, String newPath) {
    return atEntry(
        path,
        (parent, name) -> {
          List<String> parts = parts(newPath);
          long newParent = resolve(parts.subList(0, parts.size() - 1));
          if (newParent < 0) {
            return Answers.refused(lost(newParent));
          }
          return tree.rename(parent, name, newParent, parts.get(parts.size() - 1));
        });
  }

  // ---- operations

  private String same(String operation, ErrorCode found, ErrorCode expected) {
    assertThat(found).as("%s, seed %d", operation, seed).isEqualTo(expected);
    outcomes.merge(expected, 1, Integer::sum);
    return operation;
  }

  private String step() throws IOException {
    String path = pick();
    String newPath = pickNew();
    boolean crowded = paths.size() > PATHS_MANY;
    int dice = random.nextInt(crowded ? 100 : 75);
    if (newPath.isEmpty() || (path.isEmpty() && dice >= 40)) {
      return "nothing";
    }
    if (dice < 12) {
      return same(
          "create " + newPath, create(newPath, FileType.REGULAR, ""), local.create(newPath));
    }
    if (dice < 24) {
      return same(
          "mkdir " + newPath, create(newPath, FileType.DIRECTORY, ""), local.mkdir(newPath));
    }
    if (dice < 27) {
      ErrorCode found = create(newPath, FileType.SYMLINK, "nowhere");
      return same("symlink " + newPath, found, local.symlink(newPath, "nowhere"));
    }
    if (dice < 32) {
      return same("link " + path + " " + newPath, link(path, newPath), local.link(path, newPath));
    }
    if (dice < 40) {
      return change(path);
    }
    if (dice < 70) {
      ErrorCode expected = local.rename(path, newPath);
      return same("rename " + path + " " + newPath, rename(path, newPath), expected);
    }
    return same("delete " + newPath, delete(newPath), local.delete(newPath));
  }

  private String change(String path) throws IOException {
    LocalTree.Stat stat = localBefore.get(path);
    long inode = resolve(parts(path));
    int dice = random.nextInt(6);
    boolean isFile = isOf(stat, 0100000);
    if (dice == 0 && isRoot) {
      boolean group = random.nextBoolean();
      int id = random.nextInt(3);
      var asked = tree.newAttributes(inode);
      Reply reply = tree.set(group ? asked.setGid(id) : asked.setUid(id));
      return same("chown " + path, code(reply), local.chown(path, group, id));
    }
    if (isSymlink(path)) {
      return "nothing";
    }
    if (dice <= 1) {
      int mode = random.nextInt(010000) | 0700;
      ErrorCode found = code(tree.set(tree.newAttributes(inode).setMode(mode)));
      return same("chmod " + path, found, local.chmod(path, mode));
    }
    if (dice == 2) {
      long seconds = random.nextInt(1 << 30);
      Timestamp time = Timestamp.newBuilder().setSeconds(seconds).build();
      ok(tree.set(tree.newAttributes(inode).setMtime(time)));
      local.setMtime(path, seconds);
      return "utimens " + path;
    }
    if (dice == 3 && isFile) {
      long size = random.nextInt(10_000);
      ok(tree.truncate(inode, size, new Token(1, ++writes)));
      local.truncate(path, size);
      return "truncate " + path;
    }
    String name = String.valueOf((char) ('a' + random.nextInt(3)));
    if (dice == 4) {
      ErrorCode found = code(tree.removeXattr(inode, "user." + name));
      assertThat(found.isOk()).isEqualTo(local.removeXattr(path, name));
      return "removexattr " + path;
    }
    byte[] value = new byte[random.nextInt(100)];
    Reply reply = tree.setXattr(inode, "user." + name, "v".repeat(value.length));
    return same("setxattr " + path, code(reply), local.setXattr(path, name, value));
  }

  // ---- comparison

  private Map<String, Attributes> snapshot() {
    Map<String, Attributes> all = new TreeMap<>();
    all.put("", tree.attributes(tree.root));
    descend("", tree.root, all);
    return all;
  }

  private void descend(String path, long inode, Map<String, Attributes> all) {
    for (DirectoryEntry entry : tree.entries(inode, 100)) {
      String below = (path.isEmpty() ? "" : path + "/") + entry.getName().toStringUtf8();
      all.put(below, entry.getAttributes());
      if (entry.getType() == FileType.DIRECTORY) {
        descend(below, entry.getInode(), all);
      }
    }
  }

  private void compare(String operation) throws IOException {
    Map<String, LocalTree.Stat> localAfter = local.snapshot();
    Map<String, Attributes> after = snapshot();
    assertThat(after.keySet()).as(operation).isEqualTo(localAfter.keySet());
    Map<Long, LocalTree.Stat> localKnown = new HashMap<>();
    localBefore.values().forEach(stat -> localKnown.put(stat.inode(), stat));
    Map<Long, Attributes> known = new HashMap<>();
    before.values().forEach(attributes -> known.put(attributes.getInode(), attributes));
    Map<Long, Long> inodes = new HashMap<>();
    for (Map.Entry<String, Attributes> entry : after.entrySet()) {
      String path = entry.getKey();
      Attributes attributes = entry.getValue();
      LocalTree.Stat stat = localAfter.get(path);
      String what = operation + ": " + path;
      assertThat(shown(attributes)).as(what).isEqualTo(shown(stat));
      assertThat(inodes.merge(attributes.getInode(), stat.inode(), (a, b) -> b))
          .as(what)
          .isEqualTo(stat.inode());
      Attributes old = known.get(attributes.getInode());
      LocalTree.Stat localOld = localKnown.get(stat.inode());
      if (old != null) {
        assertThat(localOld).as(what).isNotNull();
        assertThat(!attributes.getMtime().equals(old.getMtime()))
            .as("mtime changes after " + what)
            .isEqualTo(stat.mtime() != localOld.mtime());
        assertThat(!attributes.getCtime().equals(old.getCtime()))
            .as("ctime changes after " + what)
            .isEqualTo(stat.ctime() != localOld.ctime());
      }
      compareContent(path, attributes, what);
    }
    assertThat(inodes.values()).as(operation).doesNotHaveDuplicates();
    localBefore = localAfter;
    before = after;
  }

  private void compareContent(String path, Attributes attributes, String what) throws IOException {
    if (attributes.getType() == FileType.SYMLINK) {
      Reply reply =
          tree.query(
              Request.newBuilder()
                  .setReadLink(ReadLink.newBuilder().setInode(attributes.getInode())));
      assertThat(reply.getReadLink().getTarget().toStringUtf8()).isEqualTo(local.readLink(path));
      return;
    }
    if (random.nextInt(20) == 0) {
      Map<String, Integer> sizes = new TreeMap<>();
      for (String name : tree.xattrs(attributes.getInode())) {
        Reply value = tree.getXattr(attributes.getInode(), name);
        sizes.put(name, value.getGetXattr().getValue().size());
      }
      assertThat(sizes).as(what).isEqualTo(local.listXattrs(path));
    }
  }

  private static String shown(Attributes attributes) {
    int type =
        switch (attributes.getType()) {
          case DIRECTORY -> 0040000;
          case SYMLINK -> 0120000;
          default -> 0100000;
        };
    return shown(
        type | attributes.getMode(),
        attributes.getNlink(),
        attributes.getUid(),
        attributes.getGid(),
        attributes.getSize());
  }

  private static String shown(LocalTree.Stat stat) {
    return shown(stat.mode(), stat.nlink(), stat.uid(), stat.gid(), stat.size());
  }

  private static String shown(int mode, int nlink, int uid, int gid, long size) {
    boolean isDirectory = (mode & 0170000) == 0040000;
    return "mode %o, nlink %d, owner %d:%d, size %d"
        .formatted(mode, nlink, uid, gid, isDirectory ? 0 : size);
  }
}
