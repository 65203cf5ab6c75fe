package io.lockstep.lockd.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.lockd.posix.LockRequest.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;

/**
 * Confined to its test. Sessions that lock, wait, interrupt, close and die, with messages that are
 * repeated, late, or overtake each other; each step is compared with {@link FileLockModel}.
 */
final class FileLockWorld {
  private static final int SESSIONS = 3;
  private static final int OWNERS = 2;

  /** What a client knows of its operations. */
  private static final class Client {
    final long session;
    final TreeSet<Long> unanswered = new TreeSet<>();
    final List<LockRequest> sent = new ArrayList<>();
    long lastOperation;

    Client(long session) {
      this.session = session;
    }

    long answeredBelow() {
      return unanswered.isEmpty() ? lastOperation + 1 : unanswered.first();
    }
  }

  private final Random random;
  private final long seed;
  private final FileLockTable table;
  private final FileLockModel model = new FileLockModel();
  private final Map<Integer, Client> clients = new HashMap<>();
  private final Map<ErrorCode, Integer> outcomes = new HashMap<>();
  private long lastSession = 10;
  private int step;

  FileLockWorld(long seed, FileLockRules rules) {
    this.seed = seed;
    this.random = new Random(seed);
    this.table = new FileLockTable(FileLockLimits.of(Times.DEFAULT), rules);
    table.onStarted(List.of(), 0);
  }

  /** How often each code was the end of an operation. */
  Map<ErrorCode, Integer> outcomes() {
    return outcomes;
  }

  void run(int steps) {
    for (step = 1; step <= steps; step++) {
      Client client =
          clients.computeIfAbsent(random.nextInt(SESSIONS), i -> new Client(++lastSession));
      switch (random.nextInt(20)) {
        case 0, 1, 2 -> repeat(client);
        case 3, 4 -> cancel(client);
        case 5 -> cancelFirst(client);
        case 6 -> maybeEnd(client);
        default -> ask(client);
      }
      assertThat(FileLockModel.held(table)).as(at()).isEqualTo(model.held());
      assertThat(table.waiters()).as(at()).isEqualTo(model.waiters());
    }
  }

  private String at() {
    return "seed " + seed + ", step " + step;
  }

  private void ask(Client client) {
    client.lastOperation++;
    client.unanswered.add(client.lastOperation);
    deliver(client, newRequest(client, client.lastOperation));
  }

  private LockRequest newRequest(Client client, long operation) {
    boolean flock = random.nextInt(6) == 0;
    int start = flock ? 0 : random.nextInt(FileLockModel.BYTES);
    boolean toEnd = flock || random.nextInt(8) == 0;
    int last = Math.min(FileLockModel.BYTES, start + 1 + random.nextInt(FileLockModel.BYTES / 2));
    long end = toEnd ? Long.MAX_VALUE : last;
    Kind[] kinds = {Kind.READ, Kind.READ, Kind.WRITE, Kind.WRITE, Kind.UNLOCK, Kind.UNLOCK};
    Kind kind = random.nextInt(12) == 0 ? Kind.DROP : kinds[random.nextInt(kinds.length)];
    return new LockRequest(
        client.session,
        operation,
        client.answeredBelow(),
        1 + random.nextInt(2),
        flock,
        1 + random.nextInt(OWNERS),
        start,
        end,
        kind,
        random.nextBoolean(),
        77);
  }

  private void deliver(Client client, LockRequest request) {
    client.sent.add(request);
    compare(table.onRequest(request, step), model.request(request));
  }

  private void repeat(Client client) {
    if (!client.sent.isEmpty()) {
      LockRequest old = client.sent.get(random.nextInt(client.sent.size()));
      compare(table.onRequest(old, step), model.request(old));
    }
  }

  private void cancel(Client client) {
    List<Long> waiting = model.waiting(client.session);
    long operation =
        waiting.isEmpty() || random.nextInt(4) == 0
            ? 1 + random.nextInt((int) client.lastOperation + 1)
            : waiting.get(random.nextInt(waiting.size()));
    if (operation <= client.lastOperation) {
      cancel(client, operation);
    }
  }

  private void cancel(Client client, long operation) {
    long below = client.answeredBelow();
    compare(
        table.onCancel(client.session, operation, below, step),
        model.cancel(client.session, operation, below));
  }

  /** The cancel of a wait overtakes the request for it. */
  private void cancelFirst(Client client) {
    client.lastOperation++;
    long operation = client.lastOperation;
    client.unanswered.add(operation);
    LockRequest request = newRequest(client, operation);
    cancel(client, operation);
    deliver(client, request);
  }

  private void maybeEnd(Client client) {
    if (random.nextInt(4) == 0) {
      clients.values().remove(client);
      compare(table.onSessionEnded(client.session, step), model.end(client.session));
    }
  }

  private void compare(List<LockEffect> actual, List<LockEffect> expected) {
    assertThat(actual).as(at()).containsExactlyInAnyOrderElementsOf(expected);
    for (LockEffect effect : actual) {
      if (effect instanceof LockEffect.Answer it && !it.waiting()) {
        ended(it.session(), it.operation(), it.code());
      } else if (effect instanceof LockEffect.Tell it) {
        ended(it.session(), it.operation(), it.code());
      }
    }
  }

  /** Some answers get lost: the client repeats the request later, or never comes to it. */
  private void ended(long session, long operation, ErrorCode code) {
    outcomes.merge(code, 1, Integer::sum);
    if (random.nextInt(5) != 0) {
      clients.values().stream()
          .filter(client -> client.session == session)
          .forEach(client -> client.unanswered.remove(operation));
    }
  }
}
