package io.lockstep.metadata.raft;

import io.lockstep.core.Check;
import java.util.List;

/**
 * Immutable. Who takes part in the log, and when it is cut.
 *
 * @param self the id of this master among {@code members}
 * @param bindHost where Raft listens
 * @param port where Raft listens; 0 = any free port, only for a single member
 * @param members every master, this one among them
 * @param snapshotEntries a checkpoint is taken and the log purged after so many entries
 */
public record RaftOptions(
    String self, String bindHost, int port, List<Member> members, long snapshotEntries) {
  /** A master as Raft knows it: a short id that never changes, and its Raft address. */
  public record Member(String id, String address) {}

  public static final long SNAPSHOT_ENTRIES = 50_000;

  public RaftOptions {
    members = List.copyOf(members);
    Check.that(
        members.stream().anyMatch(m -> m.id().equals(self)), "%s is not among %s", self, members);
    Check.that(port != 0 || members.size() == 1, "several masters need fixed Raft ports");
  }

  /** One master on its own. */
  public static RaftOptions single(String bindHost, int port) {
    return new RaftOptions(
        "m1", bindHost, port, List.of(new Member("m1", bindHost + ":" + port)), SNAPSHOT_ENTRIES);
  }
}
