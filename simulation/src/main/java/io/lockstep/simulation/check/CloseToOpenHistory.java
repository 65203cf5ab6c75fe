package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to its owner. Files (or cells of files) under close-to-open: who opens one after it was
 * closed sees what was written before that close, or something newer. Values are positive and
 * unique for each object; 0 is what was there before all.
 */
public final class CloseToOpenHistory {
  private record Written(String who, int value, long startNs, long closedNs) {}

  private record Seen(String who, String descriptor, int value, long openedNs, long readNs) {}

  private static final class Values {
    final List<Written> written = new ArrayList<>();
    final List<Seen> seen = new ArrayList<>();
  }

  private final Map<String, Values> objects = new TreeMap<>();

  private Values values(String object) {
    return objects.computeIfAbsent(object, name -> new Values());
  }

  /**
   * A value was written from {@code startNs} on, and the close of its descriptor returned.
   *
   * @param closedNs {@link RegisterHistory#NEVER} if the close failed, or never came
   */
  public void written(String who, String object, int value, long startNs, long closedNs) {
    values(object).written.add(new Written(who, value, startNs, closedNs));
  }

  /**
   * A value was read.
   *
   * @param descriptor names one open of one client
   * @param openedNs when that open began
   */
  public void read(
      String who, String object, String descriptor, int value, long openedNs, long readNs) {
    values(object).seen.add(new Seen(who, descriptor, value, openedNs, readNs));
  }

  public int reads() {
    return objects.values().stream().mapToInt(values -> values.seen.size()).sum();
  }

  /** What the history violates; empty if nothing. */
  public List<Violation> violations() {
    List<Violation> violations = new ArrayList<>();
    objects.forEach((name, values) -> check(name, values, violations));
    return violations;
  }

  private static void check(String name, Values values, List<Violation> violations) {
    Map<Integer, Written> byValue = new HashMap<>();
    values.written.forEach(written -> byValue.put(written.value, written));
    List<Written> closes =
        values.written.stream()
            .filter(written -> written.closedNs != RegisterHistory.NEVER)
            .sorted(Comparator.comparingLong(Written::closedNs))
            .toList();
    long[] closed = closes.stream().mapToLong(Written::closedNs).toArray();
    // The one that began last among each and those that were closed before it.
    Written[] latest = new Written[closes.size()];
    for (int i = 0; i < latest.length; i++) {
      Written each = closes.get(i);
      boolean later = i == 0 || each.startNs > latest[i - 1].startNs;
      latest[i] = later ? each : latest[i - 1];
    }
    Map<String, Seen> last = new HashMap<>();
    values.seen.sort(Comparator.comparingLong(Seen::readNs));
    for (Seen seen : values.seen) {
      Written of = byValue.get(seen.value);
      if (seen.value != 0 && (of == null || of.startNs > seen.readNs)) {
        violations.add(
            new Violation(name, seen.who + " read " + seen.value + ", which nobody had written"));
        continue;
      }
      int at = Arrays.binarySearch(closed, seen.openedNs);
      int before = (at >= 0 ? at : -at - 1) - 1;
      if (before >= 0 && isOlder(of, latest[before])) {
        Written due = latest[before];
        violations.add(
            new Violation(
                name,
                seen.who
                    + " opened it at "
                    + RegisterHistory.time(seen.openedNs)
                    + " and read "
                    + seen.value
                    + "; "
                    + due.value
                    + " was closed at "
                    + RegisterHistory.time(due.closedNs)));
      }
      Seen former = last.put(seen.descriptor, seen);
      if (former != null && stays(former, byValue) && isOlder(of, byValue.get(former.value))) {
        violations.add(
            new Violation(
                name,
                seen.who
                    + " read "
                    + former.value
                    + " and then, through the same descriptor, "
                    + seen.value));
      }
    }
  }

  /** What was not closed without an error may be gone again. */
  private static boolean stays(Seen seen, Map<Integer, Written> byValue) {
    Written written = byValue.get(seen.value);
    return written != null && written.closedNs != RegisterHistory.NEVER;
  }

  /** Whether {@code a} was surely replaced by {@code b}; null is what was there before all. */
  private static boolean isOlder(Written a, Written b) {
    return b != null && (a == null || a.closedNs < b.startNs);
  }

  void tell(String object, Story story) {
    Values values = objects.get(object);
    if (values == null) {
      return;
    }
    for (Written w : values.written) {
      story.add(w.startNs, w.closedNs, w.who + " writes " + w.value + " and closes");
    }
    for (Seen s : values.seen) {
      story.add(s.openedNs, s.readNs, s.who + " opens and reads " + s.value);
    }
  }
}
