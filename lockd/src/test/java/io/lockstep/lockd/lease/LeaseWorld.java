package io.lockstep.lockd.lease;

import io.lockstep.core.Check;
import io.lockstep.core.Times;
import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * One seeded run: clients that acquire, use, release and lose leases, over a network that reorders,
 * repeats and loses every message, with deaths of clients and restarts of lockd. At the end the
 * network is fair and the holders obey: then every waiter must have been answered.
 */
final class LeaseWorld {
  private static final long MS = 1_000_000;
  private static final int INODES = 4;
  private static final int SESSIONS = 4;

  private final class Client {
    final long session;
    final Map<Long, LeaseOracle.Held> held = new HashMap<>();
    final Map<Long, LeaseOracle.Held> wanted = new HashMap<>();
    final Set<Long> recalled = new HashSet<>();
    final Map<Long, Long> lastLease = new HashMap<>();

    Client(long session) {
      this.session = session;
    }

    void act() {
      long inode = random.nextInt(INODES) + 1L;
      LeaseOracle.Held now = held.get(inode);
      if (wanted.containsKey(inode)) {
        if (random.nextInt(4) == 0) {
          giveUp(inode);
        } else {
          sendAcquire(inode);
        }
      } else if (now == null) {
        want(inode);
      } else if (now.mode() == LeaseMode.SHARED && random.nextInt(3) == 0) {
        want(inode, LeaseMode.EXCLUSIVE);
      } else if (random.nextBoolean()) {
        // A release and the next acquire are on their way at once.
        release(inode);
        want(inode);
      } else {
        release(inode);
      }
    }

    private void want(long inode) {
      want(inode, random.nextBoolean() ? LeaseMode.SHARED : LeaseMode.EXCLUSIVE);
    }

    private void want(long inode, LeaseMode mode) {
      long lease = lastLease.merge(inode, 1L, Long::sum);
      wanted.put(inode, new LeaseOracle.Held(lease, mode, Token.NONE, setOf(inode)));
      sendAcquire(inode);
    }

    void sendAcquire(long inode) {
      LeaseOracle.Held it = wanted.get(inode);
      long deadlineNs = nowNs + (20 + random.nextInt(5_000)) * MS;
      LeaseTable.Acquire asked =
          new LeaseTable.Acquire(session, inode, it.lease(), it.mode(), it.set(), deadlineNs);
      send(() -> run(table.onAcquire(asked, nowNs)));
    }

    private void giveUp(long inode) {
      LeaseOracle.Held it = wanted.remove(inode);
      if (random.nextBoolean()) {
        sendRelease(inode, it.lease(), true);
      }
    }

    void release(long inode) {
      LeaseOracle.Held it = held.remove(inode);
      sendRelease(inode, it.lease(), random.nextInt(4) != 0);
    }

    private void sendRelease(long inode, long lease, boolean clean) {
      send(
          () -> {
            oracle.onEnded(session, inode, lease, clean);
            run(table.onRelease(session, inode, lease, clean, nowNs));
          });
    }

    void onGrant(Effect.Grant it) {
      LeaseOracle.Held asked = wanted.get(it.inode());
      if (asked == null || asked.lease() != it.lease()) {
        return;
      }
      wanted.remove(it.inode());
      held.put(it.inode(), new LeaseOracle.Held(it.lease(), it.mode(), it.token(), it.set()));
      if (recalled.remove(it.inode())) {
        release(it.inode());
      }
    }

    void onRefuse(Effect.Refuse it) {
      LeaseOracle.Held asked = wanted.get(it.inode());
      if (asked != null && asked.lease() == it.lease()) {
        wanted.remove(it.inode());
        recalled.remove(it.inode());
      }
    }

    void onRecall(Effect.Recall it) {
      LeaseOracle.Held now = held.get(it.inode());
      LeaseOracle.Held asked = wanted.get(it.inode());
      if (now != null && now.lease() == it.lease()) {
        if (calm || random.nextInt(3) != 0) {
          release(it.inode());
        }
      } else if (asked != null && asked.lease() == it.lease()) {
        recalled.add(it.inode());
      } else {
        send(
            () -> {
              oracle.onEnded(session, it.inode(), it.lease(), false);
              run(table.onRecallNotMine(session, it.inode(), it.lease(), nowNs));
            });
      }
    }

    /** It drops what it did under the lease, and says so; a grant that comes later is too late. */
    void onCleared(Effect.TellCleared it) {
      held.computeIfPresent(it.inode(), (inode, now) -> now.lease() <= it.lease() ? null : now);
      wanted.computeIfPresent(
          it.inode(), (inode, asked) -> asked.lease() <= it.lease() ? null : asked);
      sendRelease(it.inode(), it.lease(), false);
    }

    void onQuery(Effect.Query it) {
      send(
          () -> {
            oracle.onAnswered(session, it.inode(), it.lease(), it.query());
            run(table.onAnswerQuery(session, it.inode(), it.lease(), it.query(), nowNs));
          });
    }

    /** In one or two messages; a client that is too late has lost its leases by its own clock. */
    void sendReclaim(boolean last) {
      List<LeaseTable.Reclaim> items = new ArrayList<>();
      held.forEach(
          (inode, it) -> {
            if (last || random.nextBoolean()) {
              items.add(new LeaseTable.Reclaim(inode, it.lease(), it.mode(), it.token(), it.set()));
            }
          });
      send(
          () -> {
            List<Effect> effects = table.onReclaim(session, items, last, nowNs);
            List<Long> refused = new ArrayList<>();
            for (Effect effect : effects) {
              if (effect instanceof Effect.AnswerReclaim answer) {
                refused.addAll(answer.refused());
              }
            }
            oracle.onReclaimed(session, items, last, refused);
            run(effects);
            if (clients.get(session) == this) {
              refused.forEach(held::remove);
            }
          });
    }
  }

  private final Random random;
  private final LeaseRules rules;
  private final LeaseOracle oracle = new LeaseOracle();
  private final TreeMap<Long, Client> clients = new TreeMap<>();
  private final List<Runnable> network = new ArrayList<>();
  private LeaseTable table;
  private Token seal;
  private long nowNs = 5 * MS;
  private long graceEndNs;
  private long index = 100;
  private long request;
  private boolean calm;

  LeaseWorld(long seed, LeaseRules rules) {
    this.random = new Random(seed);
    this.rules = rules;
  }

  Map<String, Integer> seen() {
    return oracle.seen;
  }

  /** Throws if an invariant breaks. */
  void run(int steps) {
    restart();
    for (int step = 0; step < steps; step++) {
      step();
    }
    calmDown();
  }

  private void step() {
    int dice = random.nextInt(1_000);
    if (dice < 500) {
      deliver();
    } else if (dice < 800) {
      Client client = anyClient();
      if (client != null) {
        client.act();
      }
    } else if (dice < 900) {
      tick(random.nextInt(150));
    } else if (dice < 940) {
      askAttributes();
    } else if (dice < 944) {
      condemn();
    } else if (dice < 960) {
      if (clients.size() < SESSIONS) {
        index++;
        clients.put(index, new Client(index));
        run(table.onSessionOpened(index, nowNs));
      }
    } else if (dice < 968) {
      endSession();
    } else if (dice < 971) {
      restart();
    } else if (dice < 976) {
      clear();
    }
  }

  /** {@code lock clear}, of one session or of all. */
  private void clear() {
    Client client = random.nextBoolean() ? anyClient() : null;
    List<LeaseTable.Row> cleared = new ArrayList<>();
    long ageNs = random.nextInt(200) * MS;
    List<Effect> effects =
        table.onClear(client == null ? 0 : client.session, ageNs, cleared, nowNs);
    cleared.forEach(row -> oracle.onCleared(row.session(), row.inode(), row.lease()));
    run(effects);
  }

  private void askAttributes() {
    long inode = random.nextInt(INODES) + 1L;
    Client client = anyClient();
    long asker = client == null ? 1 : client.session;
    request++;
    oracle.onAsked(request, inode, asker);
    run(table.onSettleAttributes(request, inode, asker, 0, nowNs + 2_000 * MS, nowNs));
  }

  private void condemn() {
    long inode = random.nextInt(INODES) + 1L;
    request++;
    oracle.onCondemning(request, inode);
    run(table.onCondemn(request, inode, setOf(inode), nowNs + 500 * MS, nowNs));
  }

  private Client anyClient() {
    if (clients.isEmpty()) {
      return null;
    }
    List<Client> all = List.copyOf(clients.values());
    return all.get(random.nextInt(all.size()));
  }

  private void endSession() {
    Client client = anyClient();
    if (client != null) {
      clients.remove(client.session);
      oracle.onSessionEnded(client.session);
      run(table.onSessionEnded(client.session, random.nextBoolean(), nowNs));
    }
  }

  /** lockd moves: connections break, so nothing that was on its way arrives. */
  private void restart() {
    network.clear();
    seal = null;
    index++;
    table = new LeaseTable(LeaseLimits.of(Times.DEFAULT), rules);
    Set<Long> sessions = Set.copyOf(clients.keySet());
    oracle.onStarted(sessions);
    graceEndNs = nowNs + Times.DEFAULT.graceNs();
    run(table.onStarted(index, sessions, nowNs));
    for (Client client : clients.values()) {
      client.recalled.clear();
      client.sendReclaim(false);
      if (random.nextInt(10) == 0) {
        client.held.clear();
      } else {
        client.sendReclaim(true);
      }
    }
  }

  private void tick(int ms) {
    nowNs += ms * MS;
    if (nowNs - graceEndNs >= 0) {
      oracle.onGraceTimeOver();
    }
    run(table.onTick(nowNs));
  }

  private void send(Runnable message) {
    network.add(message);
  }

  private void deliver() {
    if (network.isEmpty()) {
      return;
    }
    int at = random.nextInt(network.size());
    if (network.get(at) instanceof Certain certain) {
      network.remove(at);
      certain.run();
      return;
    }
    int fate = calm ? 9 : random.nextInt(10);
    if (fate == 0) {
      network.get(at).run();
      return;
    }
    Runnable message = network.remove(at);
    if (fate != 1) {
      message.run();
    }
  }

  private void run(List<Effect> effects) {
    for (Effect effect : effects) {
      oracle.onEffect(effect);
      if (effect instanceof Effect.Grant it) {
        toClient(it.session(), client -> client.onGrant(it));
      } else if (effect instanceof Effect.Refuse it) {
        toClient(it.session(), client -> client.onRefuse(it));
      } else if (effect instanceof Effect.Recall it) {
        toClient(it.session(), client -> client.onRecall(it));
      } else if (effect instanceof Effect.TellCleared it) {
        toClient(it.session(), client -> client.onCleared(it));
      } else if (effect instanceof Effect.Query it) {
        toClient(it.session(), client -> client.onQuery(it));
      } else if (effect instanceof Effect.AskSettle it) {
        answerSettle(it);
      } else if (effect instanceof Effect.AskSettleOrphans it) {
        seal = it.seal();
        answerSweep(it);
      }
    }
  }

  private void toClient(long session, Consumer<Client> arrival) {
    send(
        () -> {
          Client client = clients.get(session);
          if (client != null) {
            arrival.accept(client);
          }
        });
  }

  private void answerSettle(Effect.AskSettle it) {
    LeaseTable asked = table;
    boolean done = calm || random.nextInt(3) != 0;
    network.add(
        new Certain(
            () -> {
              if (asked == table) {
                oracle.onSettled(it.inode(), it.token(), done);
                run(table.onSettled(it.inode(), it.token(), done, nowNs));
              }
            }));
  }

  private void answerSweep(Effect.AskSettleOrphans it) {
    boolean done = calm || random.nextInt(3) != 0;
    network.add(
        new Certain(
            () -> {
              if (it.seal().equals(seal)) {
                oracle.onSwept(done);
                run(table.onOrphansSettled(it.seal(), done, Set.of(), nowNs));
              }
            }));
  }

  /** Within one process a message is neither lost nor repeated. */
  private record Certain(Runnable arrival) implements Runnable {
    @Override
    public void run() {
      arrival.run();
    }
  }

  private void calmDown() {
    calm = true;
    for (int round = 0; round < 3_000 && !isQuiet(); round++) {
      for (int i = network.size(); i > 0; i--) {
        deliver();
      }
      tick(50);
    }
    Check.that(table.isServing(), "still %s", table.phase());
    Check.that(table.waiters() == 0, "%d wait for ever", table.waiters());
    Check.that(oracle.unanswered() == 0, "%d questions are open", oracle.unanswered());
  }

  private boolean isQuiet() {
    return network.isEmpty()
        && table.isServing()
        && table.waiters() == 0
        && oracle.unanswered() == 0;
  }

  private static long setOf(long inode) {
    // One of them is a directory, so to say.
    return inode == INODES ? 0 : 3;
  }
}
