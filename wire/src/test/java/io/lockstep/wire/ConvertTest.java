package io.lockstep.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.wire.message.SetConfigMessage;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What goes into a message comes out of it; what a peer made up is refused. */
class ConvertTest {
  private static final UUID DAEMON = UUID.fromString("01234567-89ab-cdef-8123-456789abcdef");
  private static final SetConfig CONFIG =
      new SetConfig(
          7,
          -3,
          2,
          true,
          -5,
          List.of(
              new Member(1, DAEMON, MemberMode.RW, 5),
              new Member(2, new UUID(0, 9), MemberMode.ERR, -1)));

  @Test
  void tokens() {
    Token token = new Token(-1, Long.MIN_VALUE);
    assertThat(Convert.token(Convert.message(token))).isEqualTo(token);
  }

  @Test
  void uuidsAreSixteenBytesBigEndian() {
    ByteString bytes = Convert.message(DAEMON);
    assertThat(bytes.size()).isEqualTo(16);
    assertThat(bytes.byteAt(0)).isEqualTo((byte) 0x01);
    assertThat(bytes.byteAt(15)).isEqualTo((byte) 0xef);
    assertThat(Convert.uuid(bytes)).isEqualTo(DAEMON);
    assertThat(Convert.uuid(bytes.substring(1))).isEqualTo(new UUID(0, 0));
  }

  @Test
  void timesBeforeAndAfter1970() {
    for (long nanos : new long[] {0, 1, -1, 1_700_000_000_123_456_789L, -1_000_000_001}) {
      assertThat(Convert.nanos(Convert.timestamp(nanos))).isEqualTo(nanos);
      assertThat(Convert.timestamp(nanos).getNanos()).isBetween(0, 999_999_999);
    }
  }

  @Test
  void configurationsWithTheAddressesThatAreKnown() throws Exception {
    SetConfigMessage message = Convert.message(CONFIG, Map.of(DAEMON, "127.0.0.1:1"));
    assertThat(Convert.config(message)).isEqualTo(CONFIG);
    assertThat(message.getMembers(0).getAddress()).isEqualTo("127.0.0.1:1");
    assertThat(message.getMembers(1).getAddress()).isEmpty();
  }

  @Test
  void aConfigurationThatMakesNoSenseIsABadRequest() {
    SetConfigMessage.Builder good = Convert.message(CONFIG, Map.of()).toBuilder();
    SetConfigMessage.Builder mode = good.clone();
    mode.getMembersBuilder(0).setMode(4);
    SetConfigMessage.Builder id = good.clone();
    id.getMembersBuilder(0).setId(0);
    SetConfigMessage.Builder daemon = good.clone();
    daemon.getMembersBuilder(0).setDaemon(ByteString.copyFromUtf8("short"));
    for (SetConfigMessage.Builder bad : List.of(mode, id, daemon)) {
      assertThatThrownBy(() -> Convert.config(bad.build()))
          .isInstanceOf(Outcome.class)
          .extracting(e -> ((Outcome) e).code())
          .isEqualTo(ErrorCode.BAD_REQUEST);
    }
  }
}
