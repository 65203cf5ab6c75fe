package io.lockstep.simulation.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.raft.ReplicatedLog;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What every {@link ReplicatedLog} of one master keeps, the one by Ratis and the model of it: what
 * the simulator finds out about production stands on this.
 */
@Timeout(120)
abstract class ReplicatedLogContract {
  /** How many cases fit into the gate. */
  abstract int seeds();

  /** A new, empty one. */
  abstract LogMedium medium() throws IOException;

  @Test
  void generatedCasesEndAsTheLawSays() throws Exception {
    long first = Long.getLong("seed", 1);
    for (long seed = first; seed < first + (Long.getLong("seed") == null ? seeds() : 1); seed++) {
      new LogCase(seed, medium()).run();
    }
  }

  /** It may have been on its way, but nobody can know: the answer says that it has ended. */
  @Test
  void proposalAfterTheEndIsAnswered() throws Exception {
    LogMedium medium = medium();
    LogMachine machine = new LogMachine();
    ReplicatedLog log = medium.open(machine);
    machine.of(log);
    log.start();
    medium.await("leading", () -> machine.whenLeading() != null);
    log.close();
    machine.propose(1, List.of(1L));
    medium.await("an answer", machine::isAllAnswered);
    assertThat(machine.answer(1).failure()).isEqualTo(ErrorCode.CLOSING);
    assertThat(machine.announced()).isZero();
    assertThat(machine.wrong()).isEmpty();
  }
}
