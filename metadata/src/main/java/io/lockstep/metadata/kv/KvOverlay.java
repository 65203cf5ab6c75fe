package io.lockstep.metadata.kv;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Confined to the writer that opened it. A transaction in memory over a state that stands still:
 * reads see the changes made so far, {@link #forEachChange} gives them to the store that commits.
 */
public final class KvOverlay implements KvTransaction {
  /** Takes one change. */
  public interface ChangeVisitor {
    /**
     * @param value null = the key is deleted
     */
    void onChange(byte[] key, byte[] value);
  }

  private final KvReader base;
  private final TreeMap<byte[], byte[]> changes = new TreeMap<>(Arrays::compareUnsigned);

  public KvOverlay(KvReader base) {
    this.base = base;
  }

  @Override
  public void put(byte[] key, byte[] value) {
    changes.put(key, value);
  }

  @Override
  public void delete(byte[] key) {
    changes.put(key, null);
  }

  @Override
  public byte[] get(byte[] key) {
    byte[] changed = changes.get(key);
    return changed != null || changes.containsKey(key) ? changed : base.get(key);
  }

  @Override
  public void scan(byte[] from, byte[] to, Visitor visitor) {
    if (to != null && Arrays.compareUnsigned(from, to) >= 0) {
      return;
    }
    NavigableMap<byte[], byte[]> window =
        to == null ? changes.tailMap(from, true) : changes.subMap(from, true, to, false);
    Merge merge = new Merge(window.entrySet().iterator(), visitor);
    base.scan(from, to, merge);
    merge.finish();
  }

  /** Every change, once per key with its last value, in order of key. */
  public void forEachChange(ChangeVisitor visitor) {
    changes.forEach(visitor::onChange);
  }

  public int changeCount() {
    return changes.size();
  }

  /** Confined to one scan. Merges the pairs of the base with the changes of the same range. */
  private static final class Merge implements Visitor {
    private final Iterator<Map.Entry<byte[], byte[]>> changed;
    private final Visitor visitor;
    private Map.Entry<byte[], byte[]> next;
    private boolean stopped;

    Merge(Iterator<Map.Entry<byte[], byte[]>> changed, Visitor visitor) {
      this.changed = changed;
      this.visitor = visitor;
      advance();
    }

    @Override
    public boolean onPair(byte[] key, byte[] value) {
      int order = 1;
      while (!stopped && next != null && order > 0) {
        order = Arrays.compareUnsigned(key, next.getKey());
        if (order >= 0) {
          giveChange();
        }
      }
      // Equal: the change stands in for the base's pair.
      return !stopped && (order == 0 || give(key, value));
    }

    void finish() {
      while (!stopped && next != null) {
        giveChange();
      }
    }

    private void giveChange() {
      Map.Entry<byte[], byte[]> change = next;
      advance();
      if (change.getValue() != null) {
        give(change.getKey(), change.getValue());
      }
    }

    private boolean give(byte[] key, byte[] value) {
      stopped = !visitor.onPair(key, value);
      return !stopped;
    }

    private void advance() {
      next = changed.hasNext() ? changed.next() : null;
    }
  }
}
