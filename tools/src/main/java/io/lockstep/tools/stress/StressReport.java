package io.lockstep.tools.stress;

/**
 * Immutable. What was done and what was wrong.
 *
 * @param checked blocks that were read and compared
 * @param bad of them
 * @param errors of system calls
 * @param hanging threads that did not come back
 * @param longestMs the longest that one step took
 * @param problem the first thing that was wrong, or empty
 */
public record StressReport(
    long writes,
    long reads,
    long closes,
    long syncs,
    long checked,
    long bad,
    long errors,
    long hanging,
    long longestMs,
    String problem) {

  public long operations() {
    return writes + reads + closes + syncs;
  }

  public boolean isGood() {
    return bad == 0 && errors == 0 && hanging == 0;
  }

  public String verdict() {
    if (isGood()) {
      return "nothing wrong: " + operations() + " operations, " + checked + " blocks compared";
    }
    return "VIOLATED: "
        + bad
        + " blocks bad, "
        + errors
        + " errors, "
        + hanging
        + " threads hang; first: "
        + problem;
  }
}
