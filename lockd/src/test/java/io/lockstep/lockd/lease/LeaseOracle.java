package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Watches the inputs and effects of a lease table and knows by itself what must hold: at most one
 * exclusive holder and never beside a shared one, tokens that rise, no grant while an inode is
 * being settled, none in grace, none of an ended id, none to an ended session.
 */
final class LeaseOracle {
  record Held(long lease, LeaseMode mode, Token token, long set) {}

  private record Place(long session, long inode) {}

  private static final class Asker {
    final long inode;
    final long session;
    final boolean known;
    boolean told;

    Asker(long inode, long session, boolean known) {
      this.inode = inode;
      this.session = session;
      this.known = known;
    }
  }

  private final Map<Long, Map<Long, Held>> granted = new HashMap<>();
  private final Map<Place, Long> ended = new HashMap<>();

  /** Leases that were cleared by force, and of which their holders have not said that they know. */
  private final Map<Place, Long> cleared = new HashMap<>();

  private final Map<Long, Token> settling = new HashMap<>();
  private final Set<Long> tainted = new HashSet<>();
  private final Set<Long> condemned = new HashSet<>();
  private final Map<Long, Token> newest = new HashMap<>();
  private final Set<Long> untold = new HashSet<>();
  private final Set<Long> dead = new HashSet<>();
  private final Map<Long, Asker> askers = new HashMap<>();
  private final Map<Long, List<Asker>> askedBefore = new HashMap<>();
  private final Map<Long, Long> condemning = new HashMap<>();
  private boolean graceOver;
  private boolean serving;

  /** Non-vacuous: what this run has seen. */
  final Map<String, Integer> seen = new HashMap<>();

  void onStarted(Set<Long> sessions) {
    granted.clear();
    ended.clear();
    cleared.clear();
    settling.clear();
    tainted.clear();
    condemned.clear();
    askers.clear();
    askedBefore.clear();
    condemning.clear();
    untold.clear();
    untold.addAll(sessions);
    graceOver = untold.isEmpty();
    serving = false;
  }

  void onGraceTimeOver() {
    graceOver = true;
  }

  void onEnded(long session, long inode, long lease, boolean clean) {
    if (dead.contains(session)) {
      return;
    }
    ended.merge(new Place(session, inode), lease, Math::max);
    cleared.computeIfPresent(new Place(session, inode), (place, id) -> id <= lease ? null : id);
    Held held = held(session, inode);
    if (held != null && held.lease == lease) {
      end(session, inode, clean);
    }
  }

  /** Ended by force: what its holder read under it may still be in use. */
  void onCleared(long session, long inode, long lease) {
    ended.merge(new Place(session, inode), lease, Math::max);
    end(session, inode, false);
    cleared.put(new Place(session, inode), lease);
    saw("clear");
  }

  void onSessionEnded(long session) {
    dead.add(session);
    cleared.keySet().removeIf(place -> place.session == session);
    untold.remove(session);
    graceOver |= untold.isEmpty();
    for (long inode : List.copyOf(granted.keySet())) {
      if (held(session, inode) != null) {
        end(session, inode, false);
      }
    }
  }

  private void end(long session, long inode, boolean clean) {
    Held held = granted.get(inode).remove(session);
    if (held.mode == LeaseMode.EXCLUSIVE) {
      boolean trusted = clean && !tainted.remove(inode);
      tainted.remove(inode);
      if (!trusted && held.set != 0) {
        settling.put(inode, Token.NONE);
      }
    }
  }

  void onReclaimed(long session, List<LeaseTable.Reclaim> items, boolean last, List<Long> refused) {
    for (LeaseTable.Reclaim item : items) {
      if (!refused.contains(item.inode())) {
        Held same = held(session, item.inode());
        if (same == null || same.lease != item.lease()) {
          require(!graceOver, "reclaim of %s after grace", item);
          hold(
              session, item.inode(), new Held(item.lease(), item.mode(), item.token(), item.set()));
          saw("reclaim");
        }
      } else if (!dead.contains(session)
          && item.lease() > ended.getOrDefault(new Place(session, item.inode()), 0L)) {
        ended.merge(new Place(session, item.inode()), item.lease(), Math::max);
        if (item.mode() == LeaseMode.EXCLUSIVE
            && item.set() != 0
            && !settling.containsKey(item.inode())) {
          if (exclusive(item.inode()) != null) {
            tainted.add(item.inode());
          } else {
            settling.put(item.inode(), Token.NONE);
          }
        }
      }
    }
    if (last) {
      untold.remove(session);
      graceOver |= untold.isEmpty();
    }
  }

  void onSettled(long inode, Token token, boolean done) {
    if (done && token.equals(settling.get(inode))) {
      settling.remove(inode);
    }
  }

  void onSwept(boolean done) {
    serving |= done;
  }

  void onAsked(long request, long inode, long session) {
    // Before grace is over, one who told of a lease rules out that another holds it exclusively.
    boolean known = serving || !granted.getOrDefault(inode, Map.of()).isEmpty();
    askers.put(request, new Asker(inode, session, known));
  }

  void onCondemning(long request, long inode) {
    condemning.put(request, inode);
  }

  void onAnswered(long session, long inode, long lease, long query) {
    Held held = held(session, inode);
    if (held != null && held.lease == lease && askedBefore.containsKey(query)) {
      askedBefore.get(query).forEach(asker -> asker.told = true);
    }
  }

  int unanswered() {
    return askers.size() + condemning.size();
  }

  void onEffect(Effect effect) {
    if (effect instanceof Effect.Grant it) {
      onGrant(it);
    } else if (effect instanceof Effect.Recall it) {
      Held held = held(it.session(), it.inode());
      require(held != null && held.lease == it.lease(), "%s of one who does not hold", it);
      saw("recall");
    } else if (effect instanceof Effect.AskSettle it) {
      require(settling.containsKey(it.inode()), "%s without an unclean end", it);
      rise(it.inode(), it.token());
      settling.put(it.inode(), it.token());
      saw("settle");
    } else if (effect instanceof Effect.AskSettleOrphans it) {
      onSweep(it);
    } else if (effect instanceof Effect.Query it) {
      List<Asker> before = new ArrayList<>();
      askers.values().stream().filter(a -> a.inode == it.inode()).forEach(before::add);
      askedBefore.put(it.query(), before);
      saw("query");
    } else if (effect instanceof Effect.AnswerAttributes it) {
      onAttributes(it);
    } else if (effect instanceof Effect.AnswerCondemn it) {
      onCondemned(it, condemning.remove(it.request()));
    } else if (effect instanceof Effect.Refuse it) {
      saw(it.code().name());
    }
  }

  private void onCondemned(Effect.AnswerCondemn it, long inode) {
    if (it.code().isOk()) {
      require(serving, "%s in grace", it);
      require(!settling.containsKey(inode), "%s before the members are settled", it);
      require(granted.getOrDefault(inode, Map.of()).isEmpty(), "%s of a leased inode", it);
      rise(inode, it.token());
      condemned.add(inode);
      saw("condemn");
    }
  }

  private void onGrant(Effect.Grant it) {
    Held held = held(it.session(), it.inode());
    if (held != null && held.lease == it.lease()) {
      require(held.token.equals(it.token()), "%s again with another token than %s", it, held);
      return;
    }
    require(serving, "%s in grace", it);
    require(!condemned.contains(it.inode()), "%s of a condemned inode", it);
    require(!settling.containsKey(it.inode()), "%s before the members are settled", it);
    require(!dead.contains(it.session()), "%s to an ended session", it);
    require(
        cleared.keySet().stream().noneMatch(place -> place.inode == it.inode()),
        "%s before the holders of cleared leases know: %s",
        it,
        cleared);
    long last = ended.getOrDefault(new Place(it.session(), it.inode()), 0L);
    require(it.lease() > last, "%s though %d has ended", it, last);
    if (held != null) {
      require(held.mode == LeaseMode.SHARED, "%s beside %s", it, held);
      require(it.mode() == LeaseMode.EXCLUSIVE, "%s beside %s", it, held);
      end(it.session(), it.inode(), true);
      ended.merge(new Place(it.session(), it.inode()), held.lease, Math::max);
      saw("upgrade");
    }
    if (it.mode() == LeaseMode.EXCLUSIVE) {
      rise(it.inode(), it.token());
    }
    hold(it.session(), it.inode(), new Held(it.lease(), it.mode(), it.token(), it.set()));
    saw("grant " + it.mode());
  }

  private void hold(long session, long inode, Held lease) {
    Map<Long, Held> others = granted.computeIfAbsent(inode, i -> new HashMap<>());
    boolean alone = lease.mode == LeaseMode.EXCLUSIVE || exclusive(inode) != null;
    require(others.isEmpty() || !alone, "%s of session %d beside %s", lease, session, others);
    others.put(session, lease);
  }

  private void onSweep(Effect.AskSettleOrphans it) {
    require(graceOver, "%s before all sessions have told", it);
    Map<Long, Token> covered = new HashMap<>();
    it.covered().forEach(c -> covered.put(c.inode(), c.token()));
    for (Map.Entry<Long, Map<Long, Held>> each : granted.entrySet()) {
      for (Held held : each.getValue().values()) {
        if (held.mode == LeaseMode.EXCLUSIVE) {
          require(
              held.token.equals(covered.get(each.getKey())),
              "sweep over inode %d, held by %s",
              each.getKey(),
              held);
        }
      }
    }
    saw("sweep");
  }

  private void onAttributes(Effect.AnswerAttributes it) {
    Asker asker = askers.remove(it.request());
    if (it.code() != ErrorCode.OK || asker.told) {
      return;
    }
    require(!settling.containsKey(asker.inode), "attributes of an unsettled inode");
    Map<Long, Held> holders = granted.getOrDefault(asker.inode, Map.of());
    require(serving || asker.known, "attributes of an unknown inode in grace");
    for (Map.Entry<Long, Held> each : holders.entrySet()) {
      boolean owner = each.getValue().mode == LeaseMode.EXCLUSIVE && each.getValue().set != 0;
      require(!owner || each.getKey() == asker.session, "attributes without asking the holder");
    }
  }

  private Held held(long session, long inode) {
    return granted.getOrDefault(inode, Map.of()).get(session);
  }

  private Held exclusive(long inode) {
    return granted.getOrDefault(inode, Map.of()).values().stream()
        .filter(held -> held.mode == LeaseMode.EXCLUSIVE)
        .findAny()
        .orElse(null);
  }

  private void rise(long inode, Token token) {
    Token last = newest.getOrDefault(inode, Token.NONE);
    require(last.isOlderThan(token), "token %s of inode %d after %s", token, inode, last);
    newest.put(inode, token);
  }

  private void saw(String what) {
    seen.merge(what, 1, Integer::sum);
  }

  private static void require(boolean condition, String format, Object... values) {
    Check.that(condition, format, values);
  }
}
