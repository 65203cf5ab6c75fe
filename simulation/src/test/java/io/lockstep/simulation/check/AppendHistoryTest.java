package io.lockstep.simulation.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.check.AppendHistory.Append;
import io.lockstep.simulation.check.AppendHistory.Seen;
import io.lockstep.simulation.check.History.Promise;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each fault of a log, planted into its history, is found; without it the history is fine. */
class AppendHistoryTest {
  private final History history = new History();
  private long nowNs;

  private long tick() {
    return ++nowNs;
  }

  private Append append(String who) {
    Append append = history.appends().begin(who, "log", tick());
    history.end(append, Promise.ACCEPTED, tick());
    return append;
  }

  private void read(int... values) {
    history.appends().read("reader", "log", 0, values, true, tick(), tick());
  }

  private void read(Seen seen) {
    history.appends().read("reader", "log", seen, tick(), tick());
  }

  private String problems() {
    return history.violations().toString();
  }

  @Test
  void allThereInOrderIsFine() {
    append("a");
    read(1);
    append("b");
    append("a");
    read(1, 2, 3);
    history.appends().read("reader", "log", 1, new int[] {2, 3}, true, tick(), tick());
    assertThat(history.violations()).isEmpty();
  }

  @Test
  void theOrderOfThoseThatOverlapIsFree() {
    Append first = history.appends().begin("a", "log", 1);
    Append second = history.appends().begin("b", "log", 2);
    history.end(first, Promise.ACCEPTED, 10);
    history.end(second, Promise.ACCEPTED, 11);
    nowNs = 20;
    read(2, 1);
    assertThat(history.violations()).isEmpty();
  }

  @Test
  void aLostRecordIsFound() {
    append("a");
    append("b");
    read(1);
    assertThat(problems()).contains("record 2 of b").contains("is lost");
  }

  @Test
  void aRecordThatWasSeenAndIsLostIsFound() {
    append("a");
    append("b");
    read(1, 2);
    read(1);
    assertThat(problems()).contains("record 2 of b").contains("is lost");
  }

  @Test
  void aTornRecordIsFound() {
    append("a");
    append("b");
    read(1, AppendHistory.TORN);
    assertThat(problems()).contains("without a whole record");
  }

  @Test
  void aRecordThatTurnedToZerosIsFound() {
    append("a");
    append("b");
    read(1, 2);
    read(AppendHistory.HOLE, 2);
    assertThat(problems()).contains("place 0 holds zeros").contains("record 1 was acknowledged");
  }

  @Test
  void aDoubledRecordIsFound() {
    append("a");
    append("b");
    read(1, 1, 2);
    assertThat(problems()).contains("record 1 is doubled");
  }

  @Test
  void oneThatOverwroteAnotherIsFound() {
    append("a");
    append("b");
    history.appends().read("reader", "log", 0, new int[] {1}, false, tick(), tick());
    history.appends().read("reader", "log", 0, new int[] {2}, false, tick(), tick());
    assertThat(problems()).contains("one has overwritten the other");
  }

  @Test
  void aWrongOrderIsFound() {
    append("a");
    append("b");
    read(2, 1);
    assertThat(problems()).contains("began after record 1").contains("was acknowledged");
  }

  @Test
  void aRecordThatNobodyWroteIsFound() {
    append("a");
    read(1, 7);
    assertThat(problems()).contains("record 7, which nobody had written");
  }

  @Test
  void whatDiedWithItsClientExcusesOnePlace() {
    append("a");
    append("b");
    history.lost("b", null, tick());
    append("a");
    read(1, AppendHistory.HOLE, 3);
    assertThat(history.violations()).isEmpty();
    read(1, AppendHistory.HOLE, 3, AppendHistory.HOLE);
    assertThat(problems()).contains("2 places without a whole record");
  }

  @Test
  void whatWasSyncedDoesNotDieWithItsClient() {
    append("a");
    history.kept("a", "log", Promise.DURABLE, 0, tick());
    history.lost("a", null, tick());
    history.blackout(tick());
    read();
    assertThat(problems()).contains("record 1 of a").contains("is lost");
  }

  /** What is torn ends where the next whole one begins. */
  @Test
  void aRecordTornBehindATornOneIsFound() {
    append("a");
    history.lost("a", null, tick());
    append("b");
    append("b");
    read(new Seen(List.of(0L, 500L, 1508L), List.of(AppendHistory.TORN, 2, 3), 2516, true));
    assertThat(history.violations()).isEmpty();
    read(new Seen(List.of(0L, 1508L), List.of(AppendHistory.TORN, 3), 2516, true));
    assertThat(problems()).contains("place 500 holds").contains("record 2 was acknowledged");
    assertThat(problems()).doesNotContain("record 3");
  }

  @Test
  void aRecordThatStandsElsewhereThanWasToldIsFound() {
    append("a").standsAt(0);
    append("b").standsAt(1008);
    read(new Seen(List.of(0L, 1008L), List.of(1, 2), 2016, true));
    assertThat(history.violations()).isEmpty();
    append("b").standsAt(2016);
    read(new Seen(List.of(0L, 1008L, 2016L, 3024L), List.of(1, 2, 0, 3), 4032, true));
    assertThat(problems()).contains("record 3 is doubled: at 2016 and 3024");
  }

  @Test
  void twoThatWereToldTheSamePlaceAreFound() {
    append("a").standsAt(0);
    append("b").standsAt(0);
    assertThat(problems()).contains("one has overwritten the other");
  }

  @Test
  void manyAreCheckedInNoTime() {
    int count = 200_000;
    int[] all = new int[count];
    for (int i = 0; i < count; i++) {
      all[i] = append(i % 2 == 0 ? "a" : "b").value();
      history.appends().read("c", "log", i, new int[] {all[i]}, true, tick(), tick());
    }
    read(all);
    long startNs = System.nanoTime();
    assertThat(history.violations()).isEmpty();
    assertThat(System.nanoTime() - startNs).isLessThan(7_000_000_000L);
  }
}
