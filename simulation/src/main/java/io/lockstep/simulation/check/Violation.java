package io.lockstep.simulation.check;

/**
 * Immutable. One broken promise.
 *
 * @param object what it is about: a cell, a file, a name, a lock
 * @param what what was seen and why it cannot be, in words
 */
public record Violation(String object, String what) {
  @Override
  public String toString() {
    return object + ": " + what;
  }
}
