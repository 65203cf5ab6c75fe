package io.lockstep.metadata.kv;

import java.util.Arrays;

/**
 * Immutable. An ordered map over unsigned bytes that shares structure with the maps it was made
 * from: a treap whose priorities are hashes of the keys, so its shape depends on its content alone.
 * Every change copies one path of expected length O(log n).
 */
final class PersistentTree implements KvReader {
  static final PersistentTree EMPTY = new PersistentTree(null);

  private static final class Node {
    final byte[] key;
    final byte[] value;
    final int priority;
    final Node left;
    final Node right;

    Node(byte[] key, byte[] value, int priority, Node left, Node right) {
      this.key = key;
      this.value = value;
      this.priority = priority;
      this.left = left;
      this.right = right;
    }

    Node withLeft(Node newLeft) {
      return new Node(key, value, priority, newLeft, right);
    }

    Node withRight(Node newRight) {
      return new Node(key, value, priority, left, newRight);
    }
  }

  private final Node root;

  private PersistentTree(Node root) {
    this.root = root;
  }

  PersistentTree with(byte[] key, byte[] value) {
    return new PersistentTree(put(root, key, value));
  }

  PersistentTree without(byte[] key) {
    return get(key) == null ? this : new PersistentTree(remove(root, key));
  }

  @Override
  public byte[] get(byte[] key) {
    Node node = root;
    while (node != null) {
      int order = Arrays.compareUnsigned(key, node.key);
      if (order == 0) {
        return node.value;
      }
      node = order < 0 ? node.left : node.right;
    }
    return null;
  }

  @Override
  public void scan(byte[] from, byte[] to, Visitor visitor) {
    scan(root, from, to, visitor);
  }

  private static boolean scan(Node node, byte[] from, byte[] to, Visitor visitor) {
    if (node == null) {
      return true;
    }
    boolean fromHere = Arrays.compareUnsigned(from, node.key) <= 0;
    boolean beforeEnd = to == null || Arrays.compareUnsigned(node.key, to) < 0;
    return (!fromHere || scan(node.left, from, to, visitor))
        && (!fromHere || !beforeEnd || visitor.onPair(node.key, node.value))
        && (!beforeEnd || scan(node.right, from, to, visitor));
  }

  private static Node put(Node node, byte[] key, byte[] value) {
    if (node == null) {
      return new Node(key, value, priority(key), null, null);
    }
    int order = Arrays.compareUnsigned(key, node.key);
    if (order == 0) {
      return new Node(node.key, value, node.priority, node.left, node.right);
    }
    if (order < 0) {
      Node left = put(node.left, key, value);
      return left.priority > node.priority
          ? left.withRight(node.withLeft(left.right))
          : node.withLeft(left);
    }
    Node right = put(node.right, key, value);
    return right.priority > node.priority
        ? right.withLeft(node.withRight(right.left))
        : node.withRight(right);
  }

  /** {@code node} without {@code key}, which is in it. */
  private static Node remove(Node node, byte[] key) {
    int order = Arrays.compareUnsigned(key, node.key);
    if (order == 0) {
      return merge(node.left, node.right);
    }
    return order < 0
        ? node.withLeft(remove(node.left, key))
        : node.withRight(remove(node.right, key));
  }

  private static Node merge(Node left, Node right) {
    if (left == null || right == null) {
      return left == null ? right : left;
    }
    return left.priority > right.priority
        ? left.withRight(merge(left.right, right))
        : right.withLeft(merge(left, right.left));
  }

  private static int priority(byte[] key) {
    int hash = Arrays.hashCode(key) * 0x9E3779B9;
    hash = (hash ^ (hash >>> 16)) * 0x85EBCA6B;
    return hash ^ (hash >>> 13);
  }
}
