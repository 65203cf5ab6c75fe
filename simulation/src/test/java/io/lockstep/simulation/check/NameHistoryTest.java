package io.lockstep.simulation.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.simulation.check.NameHistory.Result;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each fault of names, planted into a history, is found; without it the history is fine. */
class NameHistoryTest {
  private final NameHistory names = new NameHistory();
  private long nowNs;

  private long tick() {
    return ++nowNs;
  }

  private void move(String who, String from, String to, Result result) {
    names.move(who, "token", from, to, result, tick(), tick());
  }

  private String problems() {
    return names.violations().toString();
  }

  @Test
  void oneWinnerIsFine() {
    names.create("a", "lock", Result.DONE, 1, 5);
    names.create("b", "lock", Result.REFUSED, 2, 6);
    names.create("c", "lock", Result.UNKNOWN, 3, RegisterHistory.NEVER);
    assertThat(names.violations()).isEmpty();
  }

  @Test
  void twoWinnersAreFound() {
    names.create("a", "lock", Result.DONE, 1, 5);
    names.create("b", "lock", Result.DONE, 2, 6);
    assertThat(problems()).contains("a and b both made it");
  }

  @Test
  void noWinnerIsFound() {
    names.create("a", "lock", Result.REFUSED, 1, 5);
    names.create("b", "lock", Result.DONE, 6, 7);
    assertThat(problems()).contains("a was told that it exists");
  }

  @Test
  void aTokenThatWandersIsFine() {
    names.born("token", "p0");
    move("a", "p0", "p1", Result.DONE);
    move("b", "p0", "p2", Result.REFUSED);
    move("b", "p1", "p3", Result.DONE);
    names.look("c", "token", "p1", false, tick(), tick());
    names.look("c", "token", "p3", true, tick(), tick());
    names.found("token", List.of("p3"));
    assertThat(names.violations()).isEmpty();
  }

  @Test
  void aMoveOfUnknownOutcomeIsBelievedEitherWay() {
    names.born("token", "p0");
    names.move("a", "token", "p0", "p1", Result.UNKNOWN, 1, RegisterHistory.NEVER);
    nowNs = 10;
    names.look("c", "token", "p0", true, tick(), tick());
    assertThat(names.violations()).isEmpty();
    names.look("c", "token", "p1", true, tick(), tick());
    names.found("token", List.of("p1"));
    assertThat(names.violations()).isEmpty();
  }

  @Test
  void twoWhoMovedItFromOnePlaceAreFound() {
    names.born("token", "p0");
    names.move("a", "token", "p0", "p1", Result.DONE, 1, 5);
    names.move("b", "token", "p0", "p2", Result.DONE, 2, 6);
    assertThat(problems()).contains("a and b both renamed it from p0");
  }

  @Test
  void aTokenInTwoPlacesIsFound() {
    names.born("token", "p0");
    move("a", "p0", "p1", Result.DONE);
    names.found("token", List.of("p0", "p1"));
    assertThat(problems()).contains("2 places");
  }

  @Test
  void aTokenInNoPlaceIsFound() {
    names.born("token", "p0");
    names.found("token", List.of());
    assertThat(problems()).contains("0 places");
  }

  @Test
  void aRenameThatWasUndoneIsFound() {
    names.born("token", "p0");
    move("a", "p0", "p1", Result.DONE);
    names.found("token", List.of("p0"));
    assertThat(problems()).contains("p0").contains("p1");
  }

  @Test
  void aStaleNameIsFound() {
    names.born("token", "p0");
    move("a", "p0", "p1", Result.DONE);
    names.look("b", "token", "p0", true, tick(), tick());
    assertThat(problems()).contains("p0").contains("p1");
  }

  @Test
  void aNameThatSurelyExistsAndIsNotFoundIsFound() {
    names.born("token", "p0");
    move("a", "p0", "p1", Result.DONE);
    names.look("b", "token", "p1", false, tick(), tick());
    names.look("b", "token", "p1", true, tick(), tick());
    assertThat(problems()).contains("told").contains("it is not at p1");
  }

  @Test
  void aTargetThatIsReplacedIsFine() {
    names.vanished("r", "target", tick(), tick());
    names.replace("a", "target", 1, tick(), tick());
    names.read("r", "target", 1, tick(), tick());
    names.replace("a", "target", 2, tick(), tick());
    names.read("r", "target", 2, tick(), tick());
    assertThat(names.violations()).isEmpty();
  }

  @Test
  void aTargetThatVanishesIsFound() {
    names.replace("a", "target", 1, tick(), tick());
    names.vanished("r", "target", tick(), tick());
    assertThat(problems()).contains("r did not find it");
  }

  @Test
  void aMixedTargetIsFound() {
    names.replace("a", "target", 1, tick(), tick());
    names.read("r", "target", 0, tick(), tick());
    assertThat(problems()).contains("r found no whole file");
  }

  @Test
  void anOldTargetAfterANewOneIsFound() {
    names.replace("a", "target", 1, tick(), tick());
    names.replace("a", "target", 2, tick(), tick());
    names.read("r", "target", 1, tick(), tick());
    assertThat(problems()).contains("file 1").contains("file 2");
  }
}
