package io.lockstep.tools.repro;

import io.lockstep.tools.UserError;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Immutable. How long to stop at the critical points of a mount, at random between two bounds. */
public final class Delays {
  /** Immutable. Where a mount can be stopped. */
  public enum Point {
    /** Before a write is given to the eager lock. */
    ARRIVE,
    /** Before a flush is given to the eager lock. */
    FLUSH,
    /** Between the two steps of a flush: AFR has cancelled the timer, and has not woken up yet. */
    WAKE,
    /** Before a request for a lease is sent. */
    LOCK,
    /** Before a release is sent. */
    UNLOCK;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private record Bounds(long minMs, long maxMs) {}

  private static final Pattern FORM = Pattern.compile("([a-z]+)=(\\d{1,5})(?:\\.\\.(\\d{1,5}))?");
  private static final Bounds NONE = new Bounds(0, 0);

  /** The window of the bug is held open; the rest runs at its own speed. */
  private static final Bounds WAKE_DEFAULT = new Bounds(0, 20);

  private final Map<Point, Bounds> bounds;

  private Delays(Map<Point, Bounds> bounds) {
    this.bounds = bounds;
  }

  /**
   * @param texts each like {@code wake=0..20}, in ms
   */
  public static Delays parse(List<String> texts) throws UserError {
    Map<Point, Bounds> bounds = new EnumMap<>(Point.class);
    bounds.put(Point.WAKE, WAKE_DEFAULT);
    for (String text : texts) {
      Matcher form = FORM.matcher(text);
      Point point = form.matches() ? point(form.group(1)) : null;
      if (point == null) {
        throw UserError.misuse(
            "--delay is \"%s\", expected point=ms..ms with one of the points %s",
            text, Arrays.toString(Point.values()));
      }
      long min = Long.parseLong(form.group(2));
      long max = form.group(3) == null ? min : Long.parseLong(form.group(3));
      if (max < min) {
        throw UserError.misuse("--delay is \"%s\": %d ms is less than %d ms", text, max, min);
      }
      bounds.put(point, new Bounds(min, max));
    }
    return new Delays(bounds);
  }

  private static Point point(String name) {
    return Arrays.stream(Point.values())
        .filter(point -> point.toString().equals(name))
        .findFirst()
        .orElse(null);
  }

  /** As {@link #parse} takes them. */
  public List<String> texts() {
    return bounds.entrySet().stream()
        .map(e -> e.getKey() + "=" + e.getValue().minMs + ".." + e.getValue().maxMs)
        .toList();
  }

  /** A time for this pass. */
  long drawNs(Point point) {
    Bounds drawn = bounds.getOrDefault(point, NONE);
    if (drawn.maxMs == 0) {
      return 0;
    }
    long minNs = TimeUnit.MILLISECONDS.toNanos(drawn.minMs);
    return ThreadLocalRandom.current()
        .nextLong(minNs, TimeUnit.MILLISECONDS.toNanos(drawn.maxMs) + 1);
  }
}
