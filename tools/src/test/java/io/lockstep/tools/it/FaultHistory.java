package io.lockstep.tools.it;

import io.lockstep.simulation.check.AppendHistory;
import io.lockstep.simulation.check.Change;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.History.Promise;
import io.lockstep.simulation.check.NameHistory;
import io.lockstep.simulation.check.RegisterHistory;
import io.lockstep.simulation.check.Violation;
import java.util.ArrayList;
import java.util.List;

/**
 * Guarded by its own lock. What the threads of a load saw on real mounts, for the checkers that the
 * simulator has too. A client is one run of one mount: what it was not told to be durable may go
 * with it.
 */
final class FaultHistory {
  private static final int SHOWN_MAX = 5;
  private static final int STORY_MAX = 60;

  private record Cell(String file, int cell) {}

  private final History history = new History();

  /** The newest read that found something; after the load, a read of all. */
  private Cell lastSeen = new Cell("", 0);

  private int durable;

  // ---- cells

  synchronized History.Write begin(String client, String file, int first, int cells) {
    return history.begin(client, file, first, cells, System.nanoTime());
  }

  synchronized void end(Change change, Promise promise, long endNs) {
    history.end(change, promise, endNs);
    durable += promise == Promise.DURABLE ? 1 : 0;
  }

  synchronized void read(
      String client, String file, int first, int[] values, long startNs, long endNs) {
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0) {
        history.torn(client, file, first + i, endNs);
      } else {
        history.read(client, file, first + i, values[i], startNs, endNs);
        lastSeen = values[i] > 0 ? new Cell(file, first + i) : lastSeen;
      }
    }
  }

  synchronized void kept(String client, String file, Promise promise, long openedNs, long beganNs) {
    history.kept(client, file, promise, openedNs, beganNs);
    durable += promise == Promise.DURABLE ? 1 : 0;
  }

  /** What was told to be durable so far: synchronous writes, and fsyncs. */
  synchronized int durable() {
    return durable;
  }

  /** The client died, or was told EIO for this file; null = for all. */
  synchronized void lost(String client, String file) {
    history.lost(client, file, System.nanoTime());
  }

  /** No replica in step was left running. */
  synchronized void blackout() {
    history.blackout(System.nanoTime());
  }

  // ---- records

  synchronized AppendHistory.Append beginAppend(String client, String file) {
    return history.appends().begin(client, file, System.nanoTime());
  }

  synchronized void readRecords(
      String client, String file, long first, int[] values, boolean toEnd, long start, long end) {
    history.appends().read(client, file, first, values, toEnd, start, end);
  }

  // ---- names

  synchronized void create(
      String client, String name, NameHistory.Result result, long startNs, long endNs) {
    history.names().create(client, name, result, startNs, endNs);
  }

  /** Errors leave it open whether it happened: {@code done} false. */
  synchronized void replace(
      String client, String target, int value, boolean done, long startNs, long endNs) {
    history.names().replace(client, target, value, startNs, done ? endNs : RegisterHistory.NEVER);
  }

  synchronized void readTarget(String client, String target, int value, long start, long end) {
    history.names().read(client, target, value, start, end);
  }

  synchronized void vanished(String client, String target, long startNs, long endNs) {
    history.names().vanished(client, target, startNs, endNs);
  }

  // ---- judged

  /**
   * To see that the checkers are awake: somebody finds nothing in a cell where something was found
   * before.
   */
  synchronized void plantStaleRead() {
    long nowNs = System.nanoTime();
    history.read("planted", lastSeen.file, lastSeen.cell, RegisterHistory.INITIAL, nowNs, nowNs);
  }

  synchronized List<Violation> violations() {
    return history.violations();
  }

  /** Few of them, each with what happened to its object. */
  synchronized List<String> told(List<Violation> violations) {
    List<String> lines = new ArrayList<>();
    for (Violation violation : violations.subList(0, Math.min(SHOWN_MAX, violations.size()))) {
      lines.add(violation.toString());
      List<String> story = history.story(violation.object());
      lines.addAll(story.subList(Math.max(0, story.size() - STORY_MAX), story.size()));
    }
    return lines;
  }

  synchronized String counts() {
    return history.writes()
        + " writes and "
        + history.reads()
        + " reads of cells, "
        + history.appends().appends()
        + " appends, "
        + history.names().creations()
        + " exclusive creations, "
        + history.names().looks()
        + " looks at replaced files, "
        + durable
        + " times told durable";
  }
}
