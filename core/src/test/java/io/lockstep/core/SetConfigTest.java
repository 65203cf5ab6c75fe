package io.lockstep.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Who takes writes, who serves reads, and when a set is writable. */
class SetConfigTest {
  private static final Member A = new Member(1, new UUID(0, 1), MemberMode.RW, 10);
  private static final Member B = new Member(2, new UUID(0, 2), MemberMode.WO, 20);
  private static final Member C = new Member(3, new UUID(0, 3), MemberMode.ERR, 30);

  private static SetConfig config(int minReplicas, boolean open, Member... members) {
    return new SetConfig(1, 5, minReplicas, open, List.of(members));
  }

  @Test
  void writesGoToRwAndWoReadsToRwMarksSpeakForErr() {
    SetConfig config = config(1, true, A, B, C);
    assertThat(config.writers()).containsExactly(A, B);
    assertThat(config.readers()).containsExactly(A);
    assertThat(config.absent()).containsExactly(3);
  }

  @Test
  void aWoMemberDoesNotCountForMinReplicas() {
    assertThat(config(2, true, A, B, C).isWritable()).isFalse();
    assertThat(config(2, true, A, B.with(MemberMode.RW, 21), C).isWritable()).isTrue();
  }

  @Test
  void aClosedSetIsNotWritable() {
    assertThat(config(1, false, A).isWritable()).isFalse();
    assertThat(config(1, true, A).isWritable()).isTrue();
  }

  @Test
  void membersAreFoundByIdAndByDaemon() {
    SetConfig config = config(1, true, A, B, C);
    assertThat(config.member(2)).isEqualTo(B);
    assertThat(config.member(4)).isNull();
    assertThat(config.memberOn(new UUID(0, 3))).isEqualTo(C);
    assertThat(config.memberOn(new UUID(0, 4))).isNull();
  }

  @Test
  void aChangeOfTheListGivenDoesNotChangeIt() {
    List<Member> members = new ArrayList<>(List.of(A));
    SetConfig config = new SetConfig(1, 1, 1, true, members);
    members.add(B);
    assertThat(config.members()).containsExactly(A);
  }

  @Test
  void modesTravelByNumber() {
    for (MemberMode mode : MemberMode.values()) {
      assertThat(MemberMode.ofNumber(mode.number())).isSameAs(mode);
    }
    assertThat(MemberMode.ofNumber(0)).isNull();
    assertThat(MemberMode.ofNumber(4)).isNull();
  }
}
