package io.lockstep.wire.netty;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The order of the connections of a session (P11), without a network. */
class SessionLinesTest {
  /** P11 changed: nobody waits for anybody. */
  private static final class Impatient extends SessionLines {
    @Override
    protected boolean waitsForOlder() {
      return false;
    }
  }

  private SessionLines lines = new SessionLines();
  private final List<String> trace = new ArrayList<>();

  private final class Probe implements SessionLines.Line {
    final String name;

    Probe(String name) {
      this.name = name;
    }

    @Override
    public void retire() {
      trace.add(name + " retires");
    }

    @Override
    public void admitted() {
      trace.add(name + " admitted");
    }
  }

  @Test
  void theFirstIsAdmittedAtOnce() {
    assertThat(lines.enter(1, 1, new Probe("a"))).isTrue();
    assertThat(trace).containsExactly("a admitted");
  }

  @Test
  void aNewerOneWaitsForTheOlderOne() {
    Probe a = new Probe("a");
    lines.enter(1, 1, a);
    lines.enter(1, 2, new Probe("b"));
    assertThat(trace).containsExactly("a admitted", "a retires");
    lines.finished(1, a);
    assertThat(trace).containsExactly("a admitted", "a retires", "b admitted");
  }

  @Test
  void theMutantThatDoesNotWaitIsNoticed() {
    lines = new Impatient();
    lines.enter(1, 1, new Probe("a"));
    lines.enter(1, 2, new Probe("b"));
    assertThat(trace).isNotEqualTo(List.of("a admitted", "a retires"));
  }

  @Test
  void anOlderOrEqualNumberIsRefusedEvenAfterTheNewerOneIsGone() {
    Probe b = new Probe("b");
    lines.enter(1, 2, b);
    lines.finished(1, b);
    assertThat(lines.enter(1, 1, new Probe("a"))).isFalse();
    assertThat(lines.enter(1, 2, new Probe("b2"))).isFalse();
    assertThat(lines.enter(1, 3, new Probe("c"))).isTrue();
    assertThat(trace).containsExactly("b admitted", "c admitted");
  }

  @Test
  void aWaitingOneIsPassedOverByANewerOne() {
    Probe a = new Probe("a");
    Probe b = new Probe("b");
    lines.enter(1, 1, a);
    lines.enter(1, 2, b);
    lines.enter(1, 3, new Probe("c"));
    assertThat(trace).containsExactly("a admitted", "a retires", "a retires", "b retires");
    lines.finished(1, b);
    lines.finished(1, a);
    lines.finished(1, a);
    assertThat(trace).endsWith("b retires", "c admitted").doesNotContain("b admitted");
  }

  @Test
  void aWaitingOneThatLeavesIsNotAdmitted() {
    Probe a = new Probe("a");
    Probe b = new Probe("b");
    lines.enter(1, 1, a);
    lines.enter(1, 2, b);
    lines.finished(1, b);
    lines.finished(1, a);
    assertThat(trace).containsExactly("a admitted", "a retires");
    assertThat(lines.enter(1, 3, new Probe("c"))).isTrue();
    assertThat(trace).endsWith("c admitted");
  }

  @Test
  void sessionsDoNotSeeEachOther() {
    lines.enter(1, 5, new Probe("a"));
    assertThat(lines.enter(2, 1, new Probe("b"))).isTrue();
    assertThat(trace).containsExactly("a admitted", "b admitted");
  }

  @Test
  void idleSessionsAreForgottenButNotThoseWithAConnection() {
    Probe live = new Probe("live");
    lines.enter(1, 5, live);
    for (long session = 2; session < SessionLines.IDLE_SESSIONS_MAX + 100; session++) {
      Probe idle = new Probe("idle");
      lines.enter(session, 1, idle);
      lines.finished(session, idle);
    }
    assertThat(lines.enter(1, 4, new Probe("old"))).isFalse();
    assertThat(lines.enter(2, 1, new Probe("forgotten"))).isTrue();
    assertThat(lines.enter(SessionLines.IDLE_SESSIONS_MAX, 1, new Probe("known"))).isFalse();
  }

  @Test
  void atMostOneLineIsEverAdmittedAndUnfinished() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("SessionLinesTest -Dseed=" + seed);
    Random random = new Random(seed);
    List<Model> unfinished = new ArrayList<>();
    long number = 0;
    for (int step = 0; step < 20_000; step++) {
      if (unfinished.isEmpty() || (unfinished.size() < 6 && random.nextBoolean())) {
        Model line = new Model(++number);
        unfinished.add(line);
        assertThat(lines.enter(9, line.number, line)).isTrue();
      } else {
        Model line = unfinished.remove(random.nextInt(unfinished.size()));
        line.admitted = false;
        lines.finished(9, line);
      }
      List<Model> admitted = unfinished.stream().filter(m -> m.admitted).toList();
      assertThat(admitted.size()).isLessThanOrEqualTo(1);
      // Nobody waits for nothing: the newest is in once it is alone.
      if (unfinished.size() == 1 && unfinished.get(0).number == number) {
        assertThat(admitted).hasSize(1);
      }
    }
  }

  private static final class Model implements SessionLines.Line {
    final long number;
    boolean admitted;

    Model(long number) {
      this.number = number;
    }

    @Override
    public void retire() {}

    @Override
    public void admitted() {
      admitted = true;
    }
  }
}
