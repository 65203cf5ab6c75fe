package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.bytes;
import static io.lockstep.metadata.namespace.Tree.code;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.metadata.namespace.ModelTree.Made;
import io.lockstep.metadata.namespace.ModelTree.Node;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.CreateInodeReply;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Timestamp;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Random operations on a namespace and on {@link ModelTree}: each has to end with the same errno
 * and leave the same attributes, names and xattrs, and the audit finds nothing.
 */
final class NamespaceFuzzTest {
  private static final int OPERATIONS = Integer.getInteger("operations", 100_000);
  private static final int OPERATIONS_PER_AUDIT = 4_000;
  private static final int NODES_MANY = 250;
  private static final String LONGEST = "n".repeat(255);

  private static final FileType[] TYPES = {
    FileType.REGULAR,
    FileType.REGULAR,
    FileType.REGULAR,
    FileType.SYMLINK,
    FileType.FIFO,
    FileType.SOCKET,
    FileType.BLOCK_DEVICE,
    FileType.CHARACTER_DEVICE
  };

  private static final Caller[] CALLERS = {Tree.ROOT, Tree.ROOT, Tree.USER, Tree.OTHER};
  private static final int[] IDS = {-1, 0, 100, 1000, 2000};

  private final long seed = Long.getLong("seed", 42);
  private final Random random = new Random(seed);
  private final Tree tree = new Tree();
  private final ModelTree model = new ModelTree(tree.root, tree.now());
  private final Map<ErrorCode, Integer> outcomes = new EnumMap<>(ErrorCode.class);
  private String operation = "";

  @Test
  void randomOperationsBehaveLikeTheModel() {
    System.out.println("NamespaceFuzzTest seed " + seed);
    for (int i = 1; i <= OPERATIONS; i++) {
      tree.caller = CALLERS[random.nextInt(CALLERS.length)];
      step();
      if (i % OPERATIONS_PER_AUDIT == 0) {
        operation = "after " + i + " operations with seed " + seed;
        compareAll();
      }
    }
    System.out.println("NamespaceFuzzTest outcomes " + outcomes);
    assertThat(outcomes)
        .as("a run that met no such outcome shows nothing")
        .containsKeys(
            ErrorCode.OK,
            ErrorCode.NOT_PERMITTED,
            ErrorCode.NOT_FOUND,
            ErrorCode.RESOURCE_BUSY,
            ErrorCode.EXISTS,
            ErrorCode.NOT_DIRECTORY,
            ErrorCode.IS_DIRECTORY,
            ErrorCode.INVALID_ARGUMENT,
            ErrorCode.NAME_TOO_LONG,
            ErrorCode.NOT_EMPTY,
            ErrorCode.NO_ATTRIBUTE,
            ErrorCode.NOT_SUPPORTED,
            ErrorCode.STALE_TOKEN);
  }

  private void step() {
    boolean crowded = model.all.size() > NODES_MANY;
    int dice = random.nextInt(100);
    if (dice < 14) {
      create(crowded);
    } else if (dice < 22) {
      mkdir(crowded);
    } else if (dice < 30) {
      link();
    } else if (dice < (crowded ? 50 : 38)) {
      remove();
    } else if (dice < 62) {
      rename();
    } else if (dice < 80) {
      changeAttributes();
    } else if (dice < 87) {
      changeXattr();
    } else if (dice < 92) {
      walk();
    } else if (dice < 96) {
      compare(pick());
    } else {
      collect();
    }
  }

  // ---- choices

  /** Any node, dead ones too; sometimes null: no such inode. */
  private Node pick() {
    boolean nowhere = random.nextInt(40) == 0;
    return nowhere ? null : model.all.get(random.nextInt(model.all.size()));
  }

  /** Mostly a directory. */
  private Node pickDirectory() {
    Node node = pick();
    for (int i = 0; i < 8 && node != null && !node.isDirectory(); i++) {
      node = pick();
    }
    return node;
  }

  private static long id(Node node) {
    return node == null ? 1L << 60 : node.id;
  }

  private String pickName(Node directory) {
    int dice = random.nextInt(60);
    if (dice < 30 && directory != null && !directory.children.isEmpty()) {
      List<String> names = new ArrayList<>(directory.children.keySet());
      return names.get(random.nextInt(names.size()));
    }
    return switch (dice) {
      case 59 -> ".";
      case 58 -> "..";
      case 57 -> LONGEST;
      case 56 -> LONGEST + "n";
      case 55 -> random.nextBoolean() ? "" : "a/b";
      default -> String.valueOf((char) ('a' + random.nextInt(8)));
    };
  }

  private Token pickToken() {
    return new Token(1, tree.now() / 10_000 + random.nextInt(8));
  }

  private void check(String what, ErrorCode expected, Reply reply) {
    operation = what + ", seed " + seed;
    if (code(reply) != expected) {
      assertThat(code(reply)).as(operation).isEqualTo(expected);
    }
    outcomes.merge(expected, 1, Integer::sum);
  }

  // ---- operations

  private void create(boolean crowded) {
    Node parent = pickDirectory();
    make(parent, TYPES[random.nextInt(TYPES.length)], crowded && random.nextBoolean());
  }

  private void mkdir(boolean crowded) {
    make(pickDirectory(), FileType.DIRECTORY, crowded && random.nextBoolean());
  }

  private void make(Node parent, FileType type, boolean existing) {
    String name =
        existing && parent != null && !parent.children.isEmpty()
            ? parent.children.keySet().iterator().next()
            : pickName(parent);
    Node asked = new Node();
    asked.type = type;
    asked.mode = random.nextInt(010000);
    asked.target = type == FileType.SYMLINK && random.nextInt(20) > 0 ? "to/" + name : "";
    boolean existingOk = random.nextInt(4) == 0;
    CreateInode.Builder request =
        tree.newInode(id(parent), name, type)
            .setMode(asked.mode)
            .setSymlinkTarget(bytes(asked.target))
            .setExistingOk(existingOk);
    Reply reply = tree.tryCreate(request);
    Made made = new Made();
    ErrorCode expected =
        model.create(parent, name, asked, existingOk, tree.caller, tree.now(), made);
    check("create " + type + " " + name + " in " + id(parent), expected, reply);
    if (expected.isOk()) {
      CreateInodeReply created = reply.getCreateInode();
      assertThat(created.getCreated()).as(operation).isEqualTo(made.created);
      if (made.created) {
        made.node.id = created.getAttributes().getInode();
      }
      same(made.node, created.getAttributes());
      same(parent);
    }
  }

  private void link() {
    Node node = pick();
    Node parent = pickDirectory();
    String name = pickName(parent);
    Reply reply = tree.link(id(node), id(parent), name);
    check("link " + name, model.link(node, parent, name, tree.now()), reply);
    same(node);
    same(parent);
  }

  private void remove() {
    Node parent = pickDirectory();
    String name = pickName(parent);
    Node node = parent == null ? null : parent.children.get(name);
    boolean contrary = random.nextInt(8) == 0;
    boolean directory = node != null && node.isDirectory() != contrary;
    Reply reply = directory ? tree.rmdir(id(parent), name) : tree.unlink(id(parent), name);
    check("remove " + name, model.remove(parent, name, directory, tree.now()), reply);
    same(node);
    same(parent);
    if (reply.getCode() == 0) {
      same(node, reply.getRemoveEntry().getAttributes());
    }
  }

  private void rename() {
    Node from = pickDirectory();
    Node to = random.nextInt(3) == 0 ? from : pickDirectory();
    String name = pickName(from);
    String newName = pickName(to);
    boolean keep = random.nextInt(8) == 0;
    boolean swap = random.nextInt(5) == 0;
    Node source = from == null ? null : from.children.get(name);
    Node target = to == null ? null : to.children.get(newName);
    Reply reply =
        tree.rename(
            tree.newRename(id(from), name, id(to), newName).setNoReplace(keep).setExchange(swap));
    ModelTree.Rename asked = new ModelTree.Rename(from, name, to, newName, keep, swap);
    String what = "rename " + id(from) + "/" + name + " to " + id(to) + "/" + newName;
    check(what + " keep " + keep + " swap " + swap, model.rename(asked, tree.now()), reply);
    for (Node node : new Node[] {from, to, source, target}) {
      same(node);
    }
  }

  private void changeAttributes() {
    Node node = pick();
    switch (random.nextInt(5)) {
      case 0 -> {
        boolean clears = node != null && random.nextInt(3) == 0;
        int mode = clears ? node.mode & ~06000 : random.nextInt(010000);
        Reply reply = tree.set(tree.newAttributes(id(node)).setMode(mode));
        check("chmod", model.chmod(node, mode, tree.caller, tree.now()), reply);
      }
      case 1 -> chown(node);
      case 2 -> {
        Token token = pickToken();
        long size = random.nextInt(1 << 20);
        Reply reply = tree.truncate(id(node), size, token);
        check("truncate", model.truncate(node, size, token, tree.caller, tree.now()), reply);
      }
      case 3 -> {
        Token token = pickToken();
        long size = random.nextInt(1 << 20);
        long mtime = random.nextInt();
        Timestamp time = Timestamp.newBuilder().setSeconds(mtime).build();
        Reply reply = tree.refresh(tree.newUpdate(id(node), token, size).setMtime(time));
        check("refresh", model.refresh(node, size, mtime, token), reply);
      }
      default -> {
        long atime = random.nextInt();
        long mtime = random.nextInt();
        Reply reply =
            tree.set(
                tree.newAttributes(id(node))
                    .setAtime(Timestamp.newBuilder().setSeconds(atime))
                    .setMtime(Timestamp.newBuilder().setSeconds(mtime)));
        check("utimens", model.utimens(node, atime, mtime, tree.caller, tree.now()), reply);
      }
    }
    same(node);
  }

  private void chown(Node node) {
    int uid = IDS[random.nextInt(IDS.length)];
    int gid = IDS[random.nextInt(IDS.length)];
    var request = tree.newAttributes(id(node));
    if (uid != -1) {
      request.setUid(uid);
    }
    if (gid != -1) {
      request.setGid(gid);
    }
    Reply reply = tree.set(request);
    check("chown", model.chown(node, uid, gid, tree.caller, tree.now()), reply);
  }

  private void changeXattr() {
    tree.caller = Tree.ROOT;
    Node node = pick();
    String name = "user." + (char) ('a' + random.nextInt(4));
    ErrorCode expected;
    if (random.nextInt(3) == 0) {
      Reply reply = tree.removeXattr(id(node), name);
      expected = model.removeXattr(node, name);
      check("removexattr", expected, reply);
    } else {
      String value = "v".repeat(random.nextInt(10));
      boolean create = random.nextInt(4) == 0;
      boolean replace = random.nextInt(4) == 0;
      Reply reply =
          tree.setXattr(
              tree.newXattr(id(node), name, bytes(value)).setCreate(create).setReplace(replace));
      expected = model.setXattr(node, name, value, create, replace);
      check("setxattr", expected, reply);
    }
    if (expected.isOk()) {
      node.changed(tree.now());
    }
    same(node);
  }

  private void walk() {
    Node here = pick();
    List<String> names = new ArrayList<>();
    List<Node> expected = new ArrayList<>();
    ErrorCode code = here == null ? ErrorCode.NOT_FOUND : ErrorCode.OK;
    final Node start = here;
    for (int i = random.nextInt(6); i > 0 && code.isOk(); i--) {
      String name = random.nextInt(5) == 0 ? ".." : pickName(here);
      names.add(name);
      Node next = null;
      if (!here.isDirectory()) {
        code = ErrorCode.NOT_DIRECTORY;
      } else if (name.isEmpty() || name.contains("/")) {
        code = ErrorCode.BAD_REQUEST;
      } else if (name.length() > 255) {
        code = ErrorCode.NAME_TOO_LONG;
      } else if (name.equals("..")) {
        next = here.isDead() ? null : here.parent;
      } else {
        next = name.equals(".") ? here : here.children.get(name);
      }
      if (code.isOk() && next == null) {
        code = ErrorCode.NOT_FOUND;
      }
      if (code.isOk()) {
        expected.add(next);
        here = next;
      }
    }
    Reply reply = tree.walk(id(start), names.toArray(String[]::new));
    check("walk " + names, code, reply);
    assertThat(reply.getWalk().getFoundCount()).as(operation).isEqualTo(expected.size());
    for (int i = 0; i < expected.size(); i++) {
      same(expected.get(i), reply.getWalk().getFound(i));
    }
  }

  private void collect() {
    Node node = pick();
    Collected collected = tree.collect(id(node));
    boolean orphan = node != null && node.isDead();
    operation = "collect " + id(node) + ", seed " + seed;
    assertThat(collected != null).as(operation).isEqualTo(orphan);
    if (orphan) {
      boolean hasObject = node.type == FileType.REGULAR;
      assertThat(collected.set()).as(operation).isEqualTo(hasObject ? Tree.SET : 0);
      model.all.remove(node);
    }
  }

  // ---- comparisons

  private void same(Node node) {
    if (node != null) {
      same(node, tree.attributes(node.id));
    }
  }

  private void same(Node node, Attributes attributes) {
    Attributes.Builder expected =
        attributes.toBuilder()
            .setInode(node.id)
            .setType(node.type)
            .setMode(node.mode)
            .setUid(node.uid)
            .setGid(node.gid)
            .setNlink(node.nlink())
            .setSet(node.type == FileType.REGULAR ? Tree.SET : 0)
            .setVolume(Tree.VOLUME);
    expected.getAtimeBuilder().setSeconds(node.atime).setNanos(0);
    expected.getMtimeBuilder().setSeconds(node.mtime).setNanos(0);
    expected.getCtimeBuilder().setSeconds(node.ctime).setNanos(0);
    if (!node.isDirectory()) {
      expected.setSize(node.size);
    }
    if (!attributes.equals(expected.build())) {
      assertThat(attributes).as(operation).isEqualTo(expected.build());
    }
  }

  /** Attributes, listing and xattrs. */
  private void compare(Node node) {
    if (node == null) {
      return;
    }
    same(node);
    Map<String, Long> expected = new TreeMap<>();
    node.children.forEach((name, child) -> expected.put(name, child.id));
    Map<String, Long> found = new TreeMap<>();
    if (node.isDirectory() && !node.isDead()) {
      for (DirectoryEntry entry : tree.entries(node.id, 1 + random.nextInt(5))) {
        String name = entry.getName().toStringUtf8();
        assertThat(found.put(name, entry.getInode())).as("%s twice", name).isNull();
        same(node.children.get(name), entry.getAttributes());
        assertThat(entry.getType()).isEqualTo(node.children.get(name).type);
      }
    }
    assertThat(found).as(operation).isEqualTo(expected);
    Map<String, ByteString> xattrs = new TreeMap<>();
    for (String name : tree.xattrs(node.id)) {
      xattrs.put(name, tree.getXattr(node.id, name).getGetXattr().getValue());
    }
    Map<String, ByteString> expectedXattrs = new TreeMap<>();
    node.xattrs.forEach((name, value) -> expectedXattrs.put(name, bytes(value)));
    assertThat(xattrs).as(operation).isEqualTo(expectedXattrs);
  }

  private void compareAll() {
    assertThat(tree.audit()).as(operation).isEmpty();
    model.all.forEach(this::compare);
    long bytes =
        model.all.stream().filter(n -> n.type == FileType.REGULAR).mapToLong(n -> n.size).sum();
    assertThat(tree.usage()).as(operation).isEqualTo(new Usage(model.all.size(), bytes));
    List<Long> dead = model.all.stream().filter(Node::isDead).map(n -> n.id).sorted().toList();
    assertThat(tree.orphans()).as(operation).isEqualTo(dead);
  }
}
