package io.lockstep.tools.explore;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Confined to its caller. Visits every world that can be reached, nearest first, each once.
 *
 * @param <W> the kind of world
 */
public final class Explorer<W extends World<W>> {
  /** Immutable. A violation with the shortest way to it. */
  public record Found(String kind, String message, List<World.Step> trace) {}

  /**
   * Immutable. What the exploration saw.
   *
   * @param whole false: it ended before everything was visited
   */
  public record Result(long states, long transitions, int depth, boolean whole, List<Found> found) {
    public Result {
      found = List.copyOf(found);
    }
  }

  private record Reached<W>(W world, int node, int depth) {}

  private final W first;
  private final int statesMax;
  private final int enough;
  private final LongConsumer progress;
  private final Seen seen = new Seen();
  private final ArrayDeque<Reached<W>> frontier = new ArrayDeque<>();
  private final Map<String, Found> found = new LinkedHashMap<>();

  /** By node: the node before it, and the event between. */
  private int[] parents = new int[1 << 16];

  private int[] events = new int[1 << 16];
  private int nodes;
  private long transitions;

  /**
   * @param statesMax the exploration ends unfinished when there are more
   * @param enough and when there are more than these and something was found
   * @param progress told the number of states now and then
   */
  public Explorer(W first, int statesMax, int enough, LongConsumer progress) {
    this.first = first;
    this.statesMax = statesMax;
    this.enough = enough;
    this.progress = progress;
  }

  public Result explore() {
    reach(first, -1, 0, 0);
    int depth = 0;
    while (!frontier.isEmpty() && seen.count() <= (found.isEmpty() ? statesMax : enough)) {
      Reached<W> from = frontier.poll();
      depth = from.depth;
      for (int event : from.world.events()) {
        transitions++;
        reach(from.world.after(event), from.node, event, depth + 1);
      }
    }
    return new Result(
        seen.count(), transitions, depth, frontier.isEmpty(), List.copyOf(found.values()));
  }

  private void reach(W world, int parent, int event, int depth) {
    boolean goesOn = seen.add(world.key());
    boolean isNew = goesOn;
    for (World.Violation violation : world.violations()) {
      // A step can be wrong although it leads to where a right one led before.
      isNew |= !found.containsKey(violation.kind());
      goesOn &= !violation.fatal();
    }
    if (!isNew) {
      return;
    }
    int node = addNode(parent, event);
    for (World.Violation violation : world.violations()) {
      if (!found.containsKey(violation.kind())) {
        found.put(violation.kind(), new Found(violation.kind(), violation.message(), trace(node)));
      }
    }
    if (goesOn) {
      frontier.add(new Reached<>(world, node, depth));
    }
    if (nodes % 10_000 == 0) {
      progress.accept(nodes);
    }
  }

  private int addNode(int parent, int event) {
    if (nodes == parents.length) {
      parents = Arrays.copyOf(parents, 2 * nodes);
      events = Arrays.copyOf(events, 2 * nodes);
    }
    parents[nodes] = parent;
    events[nodes] = event;
    return nodes++;
  }

  /** Walks the way again, for its words. */
  private List<World.Step> trace(int node) {
    List<Integer> way = new ArrayList<>();
    for (int at = node; parents[at] >= 0; at = parents[at]) {
      way.add(0, events[at]);
    }
    List<World.Step> steps = new ArrayList<>();
    W world = first;
    for (int event : way) {
      world = world.after(event);
      steps.add(world.step());
    }
    return steps;
  }
}
