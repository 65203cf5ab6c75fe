package io.lockstep.replication.client;

import io.lockstep.core.Member;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.SetConfigMessage;
import java.util.HashMap;
import java.util.Map;

/**
 * Immutable. The configuration of a replica set with the addresses of its members; a member whose
 * address is not known has none.
 */
record SetView(SetConfig config, Map<Integer, String> addresses) {
  SetView {
    addresses = Map.copyOf(addresses);
  }

  static SetView of(SetConfigMessage message) throws Outcome {
    Map<Integer, String> addresses = new HashMap<>();
    for (MemberMessage member : message.getMembersList()) {
      if (!member.getAddress().isEmpty()) {
        addresses.put(member.getId(), member.getAddress());
      }
    }
    return new SetView(Convert.config(message), addresses);
  }

  String address(int member) {
    return addresses.getOrDefault(member, "");
  }

  /** Whether a member that takes part has no address here. */
  boolean isIncomplete() {
    return config.writers().stream().anyMatch(m -> !addresses.containsKey(m.id()));
  }

  /** The newer of both, with what the other knows of addresses of the same runs of daemons. */
  SetView merge(SetView other) {
    boolean otherIsNewer = other.config.epoch() > config.epoch();
    SetView newer = otherIsNewer ? other : this;
    SetView older = otherIsNewer ? this : other;
    Map<Integer, String> merged = new HashMap<>();
    for (Member member : newer.config.members()) {
      Member before = older.config.member(member.id());
      if (before != null
          && before.incarnation() == member.incarnation()
          && older.addresses.containsKey(member.id())) {
        merged.put(member.id(), older.addresses.get(member.id()));
      }
    }
    merged.putAll(newer.addresses);
    return new SetView(newer.config, merged);
  }
}
