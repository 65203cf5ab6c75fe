package io.lockstep.replication.client;

/** Immutable. Makes descriptors for contents that live in memory. */
public final class TestDescriptors {
  private TestDescriptors() {}

  public static Descriptor descriptor(boolean direct) {
    return new Descriptor(direct, 0);
  }
}
