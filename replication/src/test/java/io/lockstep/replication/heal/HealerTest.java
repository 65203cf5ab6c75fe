package io.lockstep.replication.heal;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.replication.heal.HealEffect.Begin;
import io.lockstep.replication.heal.HealEffect.ClearPendingAt;
import io.lockstep.replication.heal.HealEffect.Compare;
import io.lockstep.replication.heal.HealEffect.Copy;
import io.lockstep.replication.heal.HealEffect.DeleteLocal;
import io.lockstep.replication.heal.HealEffect.Finish;
import io.lockstep.replication.heal.HealEffect.ListOwn;
import io.lockstep.replication.heal.HealEffect.ListSource;
import io.lockstep.replication.heal.HealEffect.Pause;
import io.lockstep.replication.heal.HealEffect.Report;
import io.lockstep.replication.heal.HealEffect.StatSource;
import io.lockstep.replication.heal.HealEffect.SyncLocal;
import io.lockstep.replication.marks.DirtyMark;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class HealerTest {
  private static SourceState found(boolean exists, boolean tombstone, long size, Token newest) {
    return new SourceState(exists, tombstone, size, newest, Set.of());
  }

  private static final Token TOKEN = new Token(4, 1);
  private static final DirtyMark OWN = new DirtyMark(new Token(3, 1), 2, 0);

  private static Found pending(long inode, long version) {
    return new Found(inode, version, null);
  }

  @Test
  void dirtyMarkOfASourceStandsHereTooUntilItIsCleared() {
    DirtyMark theirs = new DirtyMark(TOKEN, 7, 0);
    Healer healer = new Healer(List.of(1, 2), false);
    List<HealEffect> lists = healer.onStart();
    listed(
        healer,
        lists,
        List.of(new Found(10, 0, theirs)),
        List.of(new Found(10, 0, OWN)),
        List.of(new Found(10, 0, OWN)));
    List<HealEffect> effects = healer.onStat(1, ErrorCode.OK, found(true, false, 0, TOKEN));
    assertThat(effects).containsExactly(new Begin(10, 1, found(true, false, 0, TOKEN), theirs));
    healer.onDone(1, ErrorCode.OK);
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new Finish(10, 1, OWN, true));
  }

  /** Answers one window: sources 1 and 2, then the local listing. */
  private static List<HealEffect> listed(
      Healer healer, List<HealEffect> lists, List<Found> one, List<Found> two, List<Found> own) {
    ListSource first = (ListSource) lists.get(0);
    ListSource second = (ListSource) lists.get(1);
    ListOwn local = (ListOwn) lists.get(2);
    assertThat(healer.onListed(first.sweep(), 1, ErrorCode.OK, one, true)).isEmpty();
    assertThat(healer.onListed(second.sweep(), 2, ErrorCode.OK, two, true)).isEmpty();
    return healer.onOwnListed(local.sweep(), ErrorCode.OK, own, true);
  }

  @Test
  void traceOfOneObjectFromListingToReport() {
    Healer healer = new Healer(List.of(1, 2), false);
    List<HealEffect> lists = healer.onStart();
    assertThat(lists)
        .containsExactly(
            new ListSource(1, 1, 0, false), new ListSource(1, 2, 0, false), new ListOwn(1, 0));
    List<HealEffect> effects =
        listed(
            healer,
            lists,
            List.of(pending(10, 5)),
            List.of(pending(10, 6)),
            List.of(new Found(10, 0, OWN)));
    assertThat(effects).containsExactly(new StatSource(10, 1, 1));
    long size = 3 * Limits.BLOCK_BYTES + 100;
    effects = healer.onStat(1, ErrorCode.OK, found(true, false, size, TOKEN));
    assertThat(effects).containsExactly(new Begin(10, 1, found(true, false, size, TOKEN), null));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new Compare(10, 1, 1, 0, ObjectRepair.COMPARE_BLOCKS));
    byte[] source = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4};
    byte[] local = {0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3};
    effects = healer.onCompared(1, ErrorCode.OK, source, local);
    assertThat(effects).containsExactly(new Copy(10, 1, 1, Limits.BLOCK_BYTES, Limits.BLOCK_BYTES));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new Copy(10, 1, 1, 3 * Limits.BLOCK_BYTES, 100));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new SyncLocal(10, 1));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new ClearPendingAt(10, 1, 1, 5));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new ClearPendingAt(10, 1, 2, 6));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new Finish(10, 1, OWN, false));
    effects = healer.onDone(1, ErrorCode.OK);
    // Once more, to see that nothing is left; a dirty mark of a writer is none of our business.
    effects = listed(healer, effects, List.of(new Found(12, 0, null)), List.of(), List.of());
    assertThat(effects).containsExactly(new Report());
    assertThat(healer.onReported(ErrorCode.OK)).isEmpty();
    assertThat(healer.state()).isEqualTo(Healer.State.DONE);
    assertThat(healer.objectsDone()).isEqualTo(1);
  }

  @Test
  void nothingIsReportedWhileAMarkStands() {
    Healer healer = new Healer(List.of(1, 2), false);
    List<HealEffect> effects =
        listed(healer, healer.onStart(), List.of(pending(10, 5)), List.of(), List.of());
    effects = finishAll(healer, effects);
    effects = listed(healer, effects, List.of(), List.of(pending(10, 7)), List.of());
    assertThat(effects).first().isInstanceOf(StatSource.class);
    effects = finishAll(healer, effects);
    effects = listed(healer, effects, List.of(), List.of(), List.of());
    assertThat(effects).containsExactly(new Report());
    effects = healer.onReported(ErrorCode.CONFLICT);
    assertThat(effects).first().isInstanceOf(Pause.class);
    effects = healer.onPauseOver(((Pause) effects.get(0)).sweep());
    assertThat(effects).first().isInstanceOf(ListSource.class);
  }

  @Test
  void dirtyMarksOfOthersAreHealedInTheFirstSweepOnly() {
    Healer healer = new Healer(List.of(1, 2), false);
    List<HealEffect> effects =
        listed(healer, healer.onStart(), List.of(new Found(11, 0, null)), List.of(), List.of());
    assertThat(effects).containsExactly(new StatSource(11, 1, inOrder(11)));
    effects = finishAll(healer, effects);
    effects = listed(healer, effects, List.of(new Found(11, 0, null)), List.of(), List.of());
    assertThat(effects).containsExactly(new Report());
  }

  @Test
  void failedSourceIsReplacedByTheOtherFromTheStart() {
    Healer healer = new Healer(List.of(1, 2), false);
    List<HealEffect> effects =
        listed(healer, healer.onStart(), List.of(pending(10, 5)), List.of(), List.of());
    assertThat(effects).containsExactly(new StatSource(10, 1, 1));
    healer.onStat(1, ErrorCode.OK, found(true, false, 100, TOKEN));
    healer.onDone(1, ErrorCode.OK);
    effects = healer.onCompared(1, ErrorCode.TIMED_OUT, new byte[0], new byte[0]);
    assertThat(effects).containsExactly(new StatSource(10, 1, 2));
    effects = healer.onStat(1, ErrorCode.CORRUPT, found(false, false, 0, Token.NONE));
    assertThat(effects).hasSize(1).first().isInstanceOf(Pause.class);
    // The next sweep is a first one again: nothing of the union was dropped.
    effects = healer.onPauseOver(((Pause) effects.get(0)).sweep());
    effects = listed(healer, effects, List.of(new Found(10, 0, null)), List.of(), List.of());
    assertThat(effects).first().isInstanceOf(StatSource.class);
  }

  @Test
  void memberThatDoesNotListStopsTheSweep() {
    Healer healer = new Healer(List.of(1, 2), false);
    List<HealEffect> lists = healer.onStart();
    long sweep = ((ListSource) lists.get(0)).sweep();
    healer.onListed(sweep, 1, ErrorCode.OK, List.of(), true);
    healer.onListed(sweep, 2, ErrorCode.DISCONNECTED, List.of(), false);
    assertThat(healer.onOwnListed(sweep, ErrorCode.OK, List.of(), true))
        .hasSize(1)
        .first()
        .isInstanceOf(Pause.class);
    assertThat(healer.onListed(sweep, 2, ErrorCode.OK, List.of(), true)).isEmpty();
  }

  @Test
  void pageThatLeadsNowhereIsAFailure() {
    Healer healer = new Healer(List.of(1), false);
    long sweep = ((ListSource) healer.onStart().get(0)).sweep();
    healer.onListed(sweep, 1, ErrorCode.OK, List.of(), false);
    assertThat(healer.onOwnListed(sweep, ErrorCode.OK, List.of(), true))
        .first()
        .isInstanceOf(Pause.class);
  }

  @Test
  void renewedMarkIsHealedAgain() {
    Healer healer = new Healer(List.of(1, 2), false);
    listed(healer, healer.onStart(), List.of(pending(10, 5)), List.of(), List.of());
    healer.onStat(1, ErrorCode.OK, found(false, false, 0, TOKEN));
    List<HealEffect> effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new SyncLocal(10, 1));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new ClearPendingAt(10, 1, 1, 5));
    effects = healer.onDone(1, ErrorCode.CONFLICT);
    effects = healer.onPauseOver(((Pause) effects.get(0)).sweep());
    effects = listed(healer, effects, List.of(pending(10, 6)), List.of(), List.of());
    assertThat(effects).containsExactly(new StatSource(10, 2, 1));
  }

  @Test
  void deadObjectIsDeletedHere() {
    Healer healer = new Healer(List.of(1, 2), false);
    listed(healer, healer.onStart(), List.of(pending(10, 5)), List.of(), List.of());
    List<HealEffect> effects = healer.onStat(1, ErrorCode.OK, found(false, true, 0, TOKEN));
    assertThat(effects).containsExactly(new DeleteLocal(10, 1, TOKEN));
    effects = healer.onDone(1, ErrorCode.OK);
    assertThat(effects).containsExactly(new ClearPendingAt(10, 1, 1, 5));
    assertThat(healer.onDone(1, ErrorCode.OK)).first().isInstanceOf(ListSource.class);
  }

  /** A source that has forgotten it may have a mark that was set late. */
  @Test
  void objectThatIsDeadHereIsMissedByNobody() {
    Healer healer = new Healer(List.of(1, 2), false);
    listed(healer, healer.onStart(), List.of(pending(10, 5)), List.of(), List.of());
    healer.onStat(1, ErrorCode.OK, found(false, false, 0, TOKEN));
    List<HealEffect> effects = healer.onDone(1, ErrorCode.OBJECT_DELETED);
    assertThat(effects).containsExactly(new ClearPendingAt(10, 1, 1, 5));
    assertThat(healer.onDone(1, ErrorCode.OK)).first().isInstanceOf(ListSource.class);
  }

  @Test
  void atMostFourObjectsAreRepairedAtOnceInOrderOfPages() {
    Healer healer = new Healer(List.of(1), false);
    List<HealEffect> lists = healer.onStart();
    long sweep = ((ListSource) lists.get(0)).sweep();
    List<Found> page = LongStream.rangeClosed(1, 6).mapToObj(i -> pending(i, 1)).toList();
    healer.onListed(sweep, 1, ErrorCode.OK, page, false);
    // The local page reaches further; what lies behind the window waits.
    List<HealEffect> effects =
        healer.onOwnListed(sweep, ErrorCode.OK, List.of(new Found(9, 0, OWN)), true);
    assertThat(effects).hasSize(Healer.PARALLEL_MAX);
    effects = finishAll(healer, effects);
    assertThat(effects)
        .containsExactly(new ListSource(sweep + 1, 1, 6, false), new ListOwn(sweep + 1, 6));
  }

  @Test
  void replicaThatWasNeverWholeComparesEverything() {
    Healer healer = new Healer(List.of(1), true);
    List<HealEffect> lists = healer.onStart();
    assertThat(lists).first().isEqualTo(new ListSource(1, 1, 0, true));
    healer.onListed(1, 1, ErrorCode.OK, List.of(new Found(4, 0, null)), true);
    List<HealEffect> effects = healer.onOwnListed(1, ErrorCode.OK, List.of(), true);
    effects = finishAll(healer, effects);
    assertThat(effects).first().isEqualTo(new ListSource(2, 1, 0, false));
  }

  @Test
  void longDifferenceIsCopiedInBoundedPieces() {
    ObjectRepair repair = new ObjectRepair(1, 1, List.of(1), java.util.Map.of(), null, null);
    repair.start();
    long size = 5L << 20;
    repair.onStat(ErrorCode.OK, found(true, false, size, TOKEN));
    assertThat(repair.onDone(ErrorCode.OK)).isInstanceOf(Compare.class);
    byte[] sums = new byte[4 * ObjectRepair.COMPARE_BLOCKS];
    HealEffect effect = repair.onCompared(ErrorCode.OK, sums, new byte[0]);
    List<Copy> copies = new ArrayList<>();
    while (effect instanceof Copy copy) {
      copies.add(copy);
      effect = repair.onDone(ErrorCode.OK);
    }
    assertThat(copies).hasSize(4).allSatisfy(c -> assertThat(c.length()).isEqualTo(1 << 20));
    assertThat(effect).isEqualTo(new Compare(1, 1, 1, 4L << 20, ObjectRepair.COMPARE_BLOCKS));
  }

  private static int inOrder(long inode) {
    return 1 + Math.floorMod(Long.hashCode(inode), 2);
  }

  /** Lets every object have nothing at its source, until other effects come. */
  private static List<HealEffect> finishAll(Healer healer, List<HealEffect> effects) {
    List<HealEffect> todo = new ArrayList<>(effects);
    List<HealEffect> rest = new ArrayList<>();
    while (!todo.isEmpty()) {
      HealEffect effect = todo.remove(0);
      if (effect instanceof StatSource stat) {
        todo.addAll(healer.onStat(stat.task(), ErrorCode.OK, found(false, false, 0, TOKEN)));
      } else if (effect instanceof Begin begin) {
        todo.addAll(healer.onDone(begin.task(), ErrorCode.OK));
      } else if (effect instanceof SyncLocal sync) {
        todo.addAll(healer.onDone(sync.task(), ErrorCode.OK));
      } else if (effect instanceof ClearPendingAt clear) {
        todo.addAll(healer.onDone(clear.task(), ErrorCode.OK));
      } else if (effect instanceof Finish finish) {
        todo.addAll(healer.onDone(finish.task(), ErrorCode.OK));
      } else {
        rest.add(effect);
      }
    }
    return rest;
  }
}
