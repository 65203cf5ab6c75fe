package io.lockstep.core;

import java.util.List;
import java.util.UUID;

/**
 * Immutable. The configuration of a replica set at one epoch: the master's log is where it changes
 * (DESIGN section 2).
 *
 * @param set the id of the replica set, cluster-wide unique, never reused
 * @param epoch rises with every change
 * @param minReplicas writes need this many RW members
 * @param open false while the members settle after a restart of all of them (P3): nothing is served
 * @param openedEpoch the epoch at which it last opened with no member left that had been in step
 *     all along (P3): what members received before and had not synced may be gone; 0 = never
 * @param members in order of their id
 */
public record SetConfig(
    long set, long epoch, int minReplicas, boolean open, long openedEpoch, List<Member> members) {
  public SetConfig {
    members = List.copyOf(members);
  }

  /** One that never opened anew. */
  public SetConfig(long set, long epoch, int minReplicas, boolean open, List<Member> members) {
    this(set, epoch, minReplicas, open, 0, members);
  }

  /** The member with this id, or null. */
  public Member member(int id) {
    for (Member member : members) {
      if (member.id() == id) {
        return member;
      }
    }
    return null;
  }

  /** The member on this daemon, or null. */
  public Member memberOn(UUID daemon) {
    for (Member member : members) {
      if (member.daemon().equals(daemon)) {
        return member;
      }
    }
    return null;
  }

  /** Members that take writes: RW and WO. */
  public List<Member> writers() {
    return members.stream().filter(Member::takesWrites).toList();
  }

  /** Members that serve reads: RW. */
  public List<Member> readers() {
    return members.stream().filter(m -> m.mode() == MemberMode.RW).toList();
  }

  /** Ids of the members that take no part: what a pre-op writes pending marks for (P2). */
  public List<Integer> absent() {
    return members.stream().filter(m -> !m.takesWrites()).map(Member::id).toList();
  }

  /** Whether the set takes writes at all: open, with at least {@link #minReplicas} RW members. */
  public boolean isWritable() {
    return open && readers().size() >= minReplicas;
  }
}
