package io.lockstep.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.MemberMode;
import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.DaemonRow;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ReplicaRow;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRow;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HealCommandTest {
  private static final long SET = 7;
  private static final ByteString DAEMON = ByteString.copyFromUtf8("0123456789abcdef");

  @ParameterizedTest
  @CsvSource({
    "RW, true, false, clean",
    "WO, true, true, healing",
    "WO, true, false, waiting",
    // Killed just now, while it was healing, too: it waits for nothing.
    "ERR, true, false, out of step",
    "ERR, true, true, out of step",
    "ERR, false, false, away",
  })
  void stateIsWhatIsKnown(MemberMode mode, boolean alive, boolean healing, String state) {
    MemberMessage member =
        MemberMessage.newBuilder().setId(1).setDaemon(DAEMON).setMode(mode.number()).build();
    ReplicaRow replica = ReplicaRow.newBuilder().setSet(SET).setHealing(healing).build();
    ClusterStatusReply status =
        ClusterStatusReply.newBuilder()
            .addVolumes(
                VolumeRow.newBuilder()
                    .addSets(SetConfigMessage.newBuilder().setSet(SET).addMembers(member)))
            .addDaemons(
                DaemonRow.newBuilder().setDaemon(DAEMON).setAlive(alive).addReplicas(replica))
            .build();
    HealCommand.HealView view = HealCommand.view(status, null);
    assertThat(view.members()).hasSize(1);
    assertThat(view.members().get(0).state()).isEqualTo(state);
    assertThat(view.clean()).isEqualTo(state.equals("clean"));
  }
}
