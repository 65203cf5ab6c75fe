package io.lockstep.metadata.catalogue;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Each rule of the keeper with its decision reversed: the scenarios must notice every one. */
class KeeperMutantTest {
  private static final Path SCENARIOS = Path.of("src/test/resources/scenarios/keeper");

  private static final Map<String, KeeperRules> MUTANTS =
      new TreeMap<>(
          Map.of(
              "P3: a new run of a member stays in step",
              new KeeperRules() {
                @Override
                protected boolean isOutOfStep(boolean restarted) {
                  return false;
                }
              },
              "P8: any report condemns a member",
              new KeeperRules() {
                @Override
                protected boolean mayCondemn(int readersLeft, int minReplicas, boolean heard) {
                  return readersLeft >= 1;
                }
              },
              "P9: no barrier before heal",
              new KeeperRules() {
                @Override
                protected boolean isBarrierUp(boolean allAdopted) {
                  return true;
                }
              },
              "P9: in step with pending marks left",
              new KeeperRules() {
                @Override
                protected boolean isHealed(boolean noPendingMarkLeft) {
                  return true;
                }
              }));

  @Test
  void everyMutantIsKilled() throws IOException {
    List<String> survivors = new ArrayList<>();
    for (Map.Entry<String, KeeperRules> mutant : MUTANTS.entrySet()) {
      int kills = 0;
      for (String name : SetKeeperTest.scenarios()) {
        kills += differs(Files.readString(SCENARIOS.resolve(name)), mutant.getValue()) ? 1 : 0;
      }
      System.out.println(mutant.getKey() + ": noticed by " + kills + " scenarios");
      if (kills == 0) {
        survivors.add(mutant.getKey());
      }
    }
    assertThat(survivors).isEmpty();
  }

  private static boolean differs(String script, KeeperRules rules) {
    try {
      return !KeeperScript.run(script, rules).equals(KeeperScript.run(script));
    } catch (RuntimeException | Error broken) {
      return true;
    }
  }
}
