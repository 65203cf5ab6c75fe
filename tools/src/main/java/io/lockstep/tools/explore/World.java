package io.lockstep.tools.explore;

import java.util.List;

/**
 * Immutable once it was made. A machine with its surroundings, and everything that can happen next.
 *
 * @param <W> itself
 */
public interface World<W extends World<W>> {
  /** What can happen next; empty = at rest. The numbers are the world's own. */
  int[] events();

  /** The world after that event. */
  W after(int event);

  /** What is wrong here, or went wrong in the step that led here. */
  List<Violation> violations();

  /** Worlds with equal keys have the same future. */
  String key();

  /** The step that led here, in words: what happened, what the machine did, where it stands. */
  Step step();

  /** Immutable. One line of a trace. */
  record Step(String event, String effects, String state) {}

  /**
   * Immutable. What must not be.
   *
   * @param kind a few words; only the shortest trace of each kind is kept
   * @param fatal nothing that follows makes sense
   */
  record Violation(String kind, String message, boolean fatal) {}
}
