package io.lockstep.tools.stress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The load on a local directory, and whether it notices what it has to. */
class StressTest {
  @TempDir private Path directory;

  private Stress stress(Path... directories) {
    return new Stress(
        new StressOptions(
            List.of(directories),
            4,
            3,
            TimeUnit.MILLISECONDS.toNanos(300),
            8,
            StressOptions.READ_PERCENT,
            StressOptions.CLOSE_PERCENT),
        report -> {});
  }

  private Stress loaded() throws Exception {
    Stress stress = stress(directory);
    stress.prepare();
    StressReport report = stress.run();
    assertThat(report.isGood()).as(report.verdict()).isTrue();
    assertThat(report.writes()).isPositive();
    assertThat(report.reads()).isPositive();
    assertThat(report.closes()).isPositive();
    return stress;
  }

  private static void write(Path file, long block, ByteBuffer bytes) throws IOException {
    try (FileChannel channel = OpenFile.open(file)) {
      channel.write(bytes, block * Stamp.BLOCK_BYTES);
    }
  }

  @Test
  void localDirectoryIsRight() throws Exception {
    Stress stress = loaded();
    assertThat(stress.compare().verdict()).startsWith("nothing wrong: ");
    stress.clean();
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void damagedBlockIsFound() throws Exception {
    Stress stress = loaded();
    write(stress.file(), 3, ByteBuffer.wrap(new byte[] {1, 2, 3}));
    StressReport report = stress.compare();
    assertThat(report.bad()).isEqualTo(1);
    assertThat(report.verdict()).startsWith("VIOLATED: 1 blocks bad").contains("block 3");
  }

  @Test
  void writeThatIsLostIsFound() throws Exception {
    Stress stress = loaded();
    ByteBuffer older = ByteBuffer.allocate(Stamp.BLOCK_BYTES);
    new Stamp(0, 1, 5).write(older);
    write(stress.file(), 5, older);
    assertThat(stress.compare().problem()).contains("block 5", "sequence=1,", "expected one of");
  }

  @Test
  void blockInAnothersPlaceIsFound() throws Exception {
    Stress stress = loaded();
    ByteBuffer moved = ByteBuffer.allocate(Stamp.BLOCK_BYTES);
    try (FileChannel channel = OpenFile.open(stress.file())) {
      channel.read(moved, 0);
    }
    write(stress.file(), 1, moved.flip());
    assertThat(stress.compare().bad()).isEqualTo(1);
  }

  @Test
  void directoriesThatAreNotOneVolumeAreMisuse() throws Exception {
    Path a = Files.createDirectory(directory.resolve("a"));
    Path b = Files.createDirectory(directory.resolve("b"));
    assertThatThrownBy(() -> stress(a, b).prepare())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("are they mounts of one volume?");
    assertThat(a).isEmptyDirectory();
  }
}
