package io.lockstep.metadata.namespace;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.FileType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to one test. What a namespace does, told once more with objects and references: a
 * directory has its children in a map and knows its parent. Bounds on counts are left out.
 */
final class ModelTree {
  /** An inode. {@code id} is what the namespace under test called it. */
  static final class Node {
    long id;
    FileType type;
    int mode;
    int uid;
    int gid;
    int names;
    long size;
    long atime;
    long mtime;
    long ctime;
    String target = "";
    Token token = Token.NONE;
    Node parent;
    boolean root;
    final Map<String, Node> children = new TreeMap<>();
    final Map<String, String> xattrs = new TreeMap<>();

    boolean isDirectory() {
      return type == FileType.DIRECTORY;
    }

    boolean isDead() {
      return names == 0 && !root;
    }

    int nlink() {
      if (!isDirectory()) {
        return names;
      }
      return isDead() ? 0 : 2 + (int) children.values().stream().filter(Node::isDirectory).count();
    }

    void changed(long now) {
      ctime = now;
    }

    void modified(long now) {
      mtime = now;
      ctime = now;
    }

    boolean isAtOrAbove(Node other) {
      for (Node here = other;
          here != null;
          here = here.root || here.isDead() ? null : here.parent) {
        if (here == this) {
          return true;
        }
      }
      return false;
    }
  }

  final Node root = new Node();
  final List<Node> all = new ArrayList<>();

  ModelTree(long rootId, long now) {
    root.id = rootId;
    root.type = FileType.DIRECTORY;
    root.mode = 0755;
    root.root = true;
    root.parent = root;
    root.atime = now;
    root.modified(now);
    all.add(root);
  }

  static boolean isDot(String name) {
    return name.equals(".") || name.equals("..");
  }

  private static ErrorCode name(Node directory, String name) {
    if (directory == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (!directory.isDirectory()) {
      return ErrorCode.NOT_DIRECTORY;
    }
    if (name.isEmpty() || name.indexOf('/') >= 0 || name.indexOf('\0') >= 0) {
      return ErrorCode.BAD_REQUEST;
    }
    int length = name.getBytes(StandardCharsets.UTF_8).length;
    return length > 255 ? ErrorCode.NAME_TOO_LONG : ErrorCode.OK;
  }

  private static ErrorCode newName(Node directory, String name) {
    ErrorCode code = name(directory, name);
    if (!code.isOk()) {
      return code;
    }
    if (isDot(name) || directory.children.containsKey(name)) {
      return ErrorCode.EXISTS;
    }
    return directory.isDead() ? ErrorCode.NOT_FOUND : ErrorCode.OK;
  }

  private static void put(Node directory, String name, Node child, long now) {
    directory.children.put(name, child);
    directory.modified(now);
    child.names++;
    if (child.isDirectory()) {
      child.parent = directory;
    }
  }

  private static void take(Node directory, String name, long now) {
    Node child = directory.children.remove(name);
    directory.modified(now);
    child.names--;
  }

  /** Where the result of a creation goes. */
  static final class Made {
    Node node;
    boolean created;
  }

  ErrorCode create(
      Node parent,
      String name,
      Node asked,
      boolean existingOk,
      Caller caller,
      long now,
      Made made) {
    if (asked.type == FileType.SYMLINK && asked.target.isEmpty()) {
      return ErrorCode.NOT_FOUND;
    }
    ErrorCode code = newName(parent, name);
    if (code == ErrorCode.EXISTS && existingOk && !isDot(name)) {
      made.node = parent.children.get(name);
      return made.node.type == FileType.REGULAR ? ErrorCode.OK : code;
    }
    boolean device = asked.type == FileType.CHARACTER_DEVICE || asked.type == FileType.BLOCK_DEVICE;
    if (code.isOk() && device && caller.getUid() != 0) {
      code = ErrorCode.NOT_PERMITTED;
    }
    if (!code.isOk()) {
      return code;
    }
    boolean inherits = (parent.mode & 02000) != 0;
    asked.uid = caller.getUid();
    asked.gid = inherits ? parent.gid : caller.getGid();
    if (asked.isDirectory()) {
      asked.mode = (asked.mode & 01777) + (inherits ? 02000 : 0);
    } else if (asked.type == FileType.SYMLINK) {
      asked.mode = 0777;
      asked.size = asked.target.length();
    } else if (inherits && !isMember(caller, parent.gid) && (asked.mode & 02010) == 02010) {
      asked.mode -= 02000;
    }
    asked.atime = now;
    asked.modified(now);
    put(parent, name, asked, now);
    all.add(asked);
    made.node = asked;
    made.created = true;
    return ErrorCode.OK;
  }

  private static boolean isMember(Caller caller, int gid) {
    return caller.getUid() == 0
        || caller.getGid() == gid
        || caller.getGroupsList().stream().anyMatch(group -> group == gid);
  }

  ErrorCode link(Node node, Node parent, String name, long now) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    ErrorCode code = newName(parent, name);
    if (!code.isOk()) {
      return code;
    }
    if (node.isDirectory()) {
      return ErrorCode.NOT_PERMITTED;
    }
    if (node.isDead()) {
      return ErrorCode.NOT_FOUND;
    }
    put(parent, name, node, now);
    node.changed(now);
    return ErrorCode.OK;
  }

  ErrorCode remove(Node parent, String name, boolean directory, long now) {
    ErrorCode code = name(parent, name);
    if (!code.isOk()) {
      return code;
    }
    if (isDot(name)) {
      ErrorCode ofRmdir = name.equals(".") ? ErrorCode.INVALID_ARGUMENT : ErrorCode.NOT_EMPTY;
      return directory ? ofRmdir : ErrorCode.IS_DIRECTORY;
    }
    Node node = parent.children.get(name);
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (node.isDirectory() && !directory) {
      return ErrorCode.IS_DIRECTORY;
    }
    if (directory && !node.isDirectory()) {
      return ErrorCode.NOT_DIRECTORY;
    }
    if (!node.children.isEmpty()) {
      return ErrorCode.NOT_EMPTY;
    }
    take(parent, name, now);
    node.changed(now);
    return ErrorCode.OK;
  }

  /** A rename as asked for. */
  record Rename(Node from, String name, Node to, String newName, boolean keep, boolean swap) {}

  ErrorCode rename(Rename asked, long now) {
    Node source = asked.from == null ? null : asked.from.children.get(asked.name);
    Node target = asked.to == null ? null : asked.to.children.get(asked.newName);
    ErrorCode code = mayRename(asked, source, target);
    if (!code.isOk() || source == target) {
      return code;
    }
    take(asked.from, asked.name, now);
    if (target != null) {
      take(asked.to, asked.newName, now);
      target.changed(now);
    }
    put(asked.to, asked.newName, source, now);
    if (asked.swap) {
      put(asked.from, asked.name, target, now);
    }
    source.changed(now);
    return ErrorCode.OK;
  }

  private static ErrorCode mayRename(Rename asked, Node source, Node target) {
    if (asked.keep && asked.swap) {
      return ErrorCode.INVALID_ARGUMENT;
    }
    for (Node directory : new Node[] {asked.from, asked.to}) {
      ErrorCode code = name(directory, "any");
      if (!code.isOk()) {
        return code;
      }
    }
    if (isDot(asked.name) || isDot(asked.newName)) {
      boolean exists = asked.keep && !isDot(asked.name);
      return exists ? ErrorCode.EXISTS : ErrorCode.RESOURCE_BUSY;
    }
    ErrorCode code = name(asked.from, asked.name);
    if (code.isOk()) {
      code = source == null ? ErrorCode.NOT_FOUND : name(asked.to, asked.newName);
    }
    if (!code.isOk()) {
      return code;
    }
    if (target == null ? asked.swap : asked.keep) {
      return target == null ? ErrorCode.NOT_FOUND : ErrorCode.EXISTS;
    }
    if (asked.from != asked.to) {
      if (source.isAtOrAbove(asked.to)) {
        return ErrorCode.INVALID_ARGUMENT;
      }
      if (target != null && target.isAtOrAbove(asked.from)) {
        return asked.swap ? ErrorCode.INVALID_ARGUMENT : ErrorCode.NOT_EMPTY;
      }
    }
    return asked.swap || source == target ? ErrorCode.OK : mayReplace(asked, source, target);
  }

  private static ErrorCode mayReplace(Rename asked, Node source, Node target) {
    if (target == null) {
      return asked.to.isDead() ? ErrorCode.NOT_FOUND : ErrorCode.OK;
    }
    if (source.isDirectory() && !target.isDirectory()) {
      return ErrorCode.NOT_DIRECTORY;
    }
    if (target.isDirectory() && !source.isDirectory()) {
      return ErrorCode.IS_DIRECTORY;
    }
    return target.children.isEmpty() ? ErrorCode.OK : ErrorCode.NOT_EMPTY;
  }

  ErrorCode chmod(Node node, int mode, Caller caller, long now) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (node.type == FileType.SYMLINK) {
      return ErrorCode.NOT_SUPPORTED;
    }
    boolean clearsOnly = (mode | 06000) == (node.mode | 06000) && (mode & ~node.mode) == 0;
    if (caller.getUid() != 0 && caller.getUid() != node.uid && !clearsOnly) {
      return ErrorCode.NOT_PERMITTED;
    }
    node.mode = isMember(caller, node.gid) ? mode : mode & ~02000;
    node.changed(now);
    return ErrorCode.OK;
  }

  /** chown(2); -1 = leave. */
  ErrorCode chown(Node node, int uid, int gid, Caller caller, long now) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (caller.getUid() != 0) {
      boolean owner = caller.getUid() == node.uid;
      boolean uidFine = uid == -1 || (owner && uid == node.uid);
      boolean gidFine = gid == -1 || (owner && (gid == node.gid || isMember(caller, gid)));
      if (!uidFine || !gidFine) {
        return ErrorCode.NOT_PERMITTED;
      }
    }
    if (uid == -1 && gid == -1) {
      return ErrorCode.OK;
    }
    if (!node.isDirectory()) {
      boolean dropGroup = (node.mode & 010) != 0 || !isMember(caller, node.gid);
      node.mode &= dropGroup ? ~06000 : ~04000;
    }
    node.uid = uid == -1 ? node.uid : uid;
    node.gid = gid == -1 ? node.gid : gid;
    node.changed(now);
    return ErrorCode.OK;
  }

  ErrorCode truncate(Node node, long size, Token token, Caller caller, long now) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (node.type != FileType.REGULAR) {
      return node.isDirectory() ? ErrorCode.IS_DIRECTORY : ErrorCode.INVALID_ARGUMENT;
    }
    if (token.isOlderThan(node.token)) {
      return ErrorCode.STALE_TOKEN;
    }
    if (caller.getUid() != 0) {
      node.mode &= (node.mode & 010) != 0 ? ~06000 : ~04000;
    }
    node.size = size;
    node.token = token;
    node.modified(now);
    return ErrorCode.OK;
  }

  ErrorCode refresh(Node node, long size, long mtime, Token token) {
    if (node != null && node.type == FileType.REGULAR && !token.isOlderThan(node.token)) {
      node.size = size;
      node.mtime = mtime;
      node.token = token;
    }
    return ErrorCode.OK;
  }

  ErrorCode utimens(Node node, long atime, long mtime, Caller caller, long now) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (caller.getUid() != 0 && caller.getUid() != node.uid) {
      return ErrorCode.NOT_PERMITTED;
    }
    node.atime = atime;
    node.mtime = mtime;
    node.changed(now);
    return ErrorCode.OK;
  }

  ErrorCode setXattr(Node node, String name, String value, boolean create, boolean replace) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (node.type != FileType.REGULAR && !node.isDirectory()) {
      return ErrorCode.NOT_PERMITTED;
    }
    boolean there = node.xattrs.containsKey(name);
    if (there ? create : replace) {
      return there ? ErrorCode.EXISTS : ErrorCode.NO_ATTRIBUTE;
    }
    node.xattrs.put(name, value);
    return ErrorCode.OK;
  }

  ErrorCode removeXattr(Node node, String name) {
    if (node == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (node.type != FileType.REGULAR && !node.isDirectory()) {
      return ErrorCode.NOT_PERMITTED;
    }
    return node.xattrs.remove(name) == null ? ErrorCode.NO_ATTRIBUTE : ErrorCode.OK;
  }
}
