package io.lockstep.replication.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Request;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;

/**
 * A cluster of memory and virtual time, and what tests of a {@link ReplicationClient} do with it.
 */
abstract class ClientCase {
  static final long INODE = 1000;

  static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

  final FakeCluster cluster = new FakeCluster();

  @AfterEach
  void close() {
    cluster.close();
  }

  static long write(FileContent file, Descriptor descriptor, long offset, String text)
      throws Outcome {
    return file.write(offset, ByteBuffer.wrap(text.getBytes(UTF_8)), false, descriptor);
  }

  static String read(FileContent file, long offset, int length) throws Outcome {
    ByteBuffer target = ByteBuffer.allocate(length);
    int count = file.read(offset, target);
    assertThat(target.position()).isEqualTo(count);
    return new String(target.array(), 0, count, UTF_8);
  }

  /** What a writer on some mount does to the first bytes, told to all members when it returns. */
  static void writeDirect(FileContent file, String text) throws Outcome {
    write(file, file.newDescriptor(true), 0, text);
  }

  /** The file as one application has it open. */
  record Opened(FileContent file, Descriptor descriptor) {
    void write(long offset, String text) throws Outcome {
      ClientCase.write(file, descriptor, offset, text);
    }

    String read(long offset, int length) throws Outcome {
      return ClientCase.read(file, offset, length);
    }

    void flush() throws Outcome {
      file.flush(descriptor);
    }

    void fsync() throws Outcome {
      file.fsync(descriptor, true);
    }
  }

  static Opened open(FakeCluster.Mount mount) {
    FileContent file = mount.open(INODE);
    return new Opened(file, file.newDescriptor(false));
  }

  /** The same with these bytes, which are durable. */
  static Opened openWith(FakeCluster.Mount mount, String text) throws Outcome {
    Opened opened = open(mount);
    opened.write(0, text);
    opened.fsync();
    return opened;
  }

  /** Long enough that what was done under leases is told to all, and they are idle. */
  void assertComesToRest() {
    cluster.time.pass(20 * SECOND_NS);
    cluster.checkAtRest(INODE);
  }

  void setHealthOfAll(FakeMember.Health health) {
    cluster.members.forEach(member -> member.health = health);
  }

  static void assertFails(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(Outcome.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  String onMember(int id) {
    return new String(cluster.member(id).object(INODE).bytes, UTF_8);
  }

  int writesOn(int id) {
    return (int)
        cluster.member(id).log.stream().filter(c -> c == Request.BodyCase.WRITE_OBJECT).count();
  }

  static final long MASTER_TRIP_NS = 2 * FakeCluster.MASTER_DELAY_NS;

  static final long MEMBER_TRIP_NS = FakeMember.DELAY_NS;
}
