package io.lockstep.tools.explore;

import io.lockstep.tools.repro.EagerLockVariant;
import java.util.List;
import java.util.Locale;
import java.util.function.LongConsumer;

/**
 * Immutable. One exploration of an eager lock, as people and programs read it.
 *
 * @param bounds what could happen
 * @param whole whether every state was visited
 * @param found the shortest trace to each kind of violation
 */
public record Exploration(
    String variant,
    EagerLockBounds bounds,
    long states,
    long transitions,
    int depth,
    boolean whole,
    List<Explorer.Found> found,
    String verdict) {
  /** Far more than the largest bounds need without a violation. */
  private static final int STATES_MAX = 1_000_000;

  /** With one, this many show every kind of it. */
  private static final int ENOUGH = 60_000;

  public Exploration {
    found = List.copyOf(found);
  }

  public static Exploration of(
      EagerLockVariant variant, EagerLockBounds bounds, LongConsumer progress) {
    EagerLockWorld.Machine machine =
        new EagerLockWorld.Machine(variant.rules(), variant.isHistoric(), variant::wake);
    return of(variant.toString(), machine, bounds, progress);
  }

  static Exploration of(
      String name, EagerLockWorld.Machine machine, EagerLockBounds bounds, LongConsumer progress) {
    Explorer.Result result =
        new Explorer<>(new EagerLockWorld(machine, bounds), STATES_MAX, ENOUGH, progress).explore();
    return new Exploration(
        name,
        bounds,
        result.states(),
        result.transitions(),
        result.depth(),
        result.whole(),
        result.found(),
        verdict(result));
  }

  private static String verdict(Explorer.Result result) {
    if (!result.found().isEmpty()) {
      return "VIOLATED: "
          + String.join(", ", result.found().stream().map(Explorer.Found::kind).toList());
    }
    return result.whole()
        ? String.format(Locale.ROOT, "nothing violated in any of %d states", result.states())
        : "INCONCLUSIVE: not everything was visited";
  }

  /** Everything was visited and nothing is wrong. */
  public boolean isGood() {
    return whole && found.isEmpty();
  }
}
