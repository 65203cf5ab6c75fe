package io.lockstep.simulation.check;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Confined to its maker. What happened to one object, for people. */
final class Story {
  private record Line(long startNs, String text) {}

  private final List<Line> lines = new ArrayList<>();

  void add(long startNs, long endNs, String what) {
    String end =
        endNs == RegisterHistory.NEVER
            ? "          ?"
            : String.format(Locale.ROOT, "%11.6f", endNs / 1e9);
    lines.add(
        new Line(startNs, String.format(Locale.ROOT, "%11.6f ..%s %s", startNs / 1e9, end, what)));
  }

  /** In order of begin. */
  List<String> lines() {
    return lines.stream().sorted(Comparator.comparingLong(Line::startNs)).map(Line::text).toList();
  }
}
