package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.tools.it.TestCluster.Said;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** {@code volume check} against damage on one member's disk: it is named, with file and offset. */
@ExtendWith(FailureWatch.class)
class VolumeCheckIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";
  private static final int[] SIZES = {300_000, 9_000_000, 700_000};

  private TestCluster cluster;
  private Path mountPoint;

  @BeforeEach
  void start() throws Exception {
    cluster = TestCluster.start("check", 3);
    cluster.createVolume(VOLUME, 3);
    mountPoint = cluster.mount(TestCluster.MOUNT, VOLUME);
    Files.createDirectory(mountPoint.resolve("d"));
    for (int i = 0; i < SIZES.length; i++) {
      byte[] bytes = new byte[SIZES[i]];
      new Random(i).nextBytes(bytes);
      Files.write(mountPoint.resolve("d").resolve("file" + i), bytes);
    }
    Files.createFile(mountPoint.resolve("empty"));
    cluster.stop(TestCluster.MOUNT);
    cluster.eventually("everything is in step", 30, cluster::isClean);
  }

  @AfterEach
  void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  @Test
  void damageIsNamedAndAnEqualVolumeIsEqual() throws Exception {
    Said equal = check();
    assertThat(equal.exitCode()).as(equal.out() + equal.err()).isZero();
    assertThat(equal.json().get(0).path("verdict").asText()).isEqualTo("EQUAL");
    assertThat(equal.json().get(0).path("files").asInt()).isEqualTo(SIZES.length + 1);

    int member = cluster.memberOn(2).path("member").asInt();
    Path big = object(2, SIZES[1]);
    flip(big, 5_000_000);
    named(member, "file1", 5_000_000 / 4096 * 4096);
    flip(big, 5_000_000);
    assertThat(check().exitCode()).isZero();

    byte[] whole = Files.readAllBytes(big);
    try (RandomAccessFile file = new RandomAccessFile(big.toFile(), "rw")) {
      file.setLength(8_192);
    }
    named(member, "file1", 8_192);
    Files.write(big, whole);

    Path other = object(2, SIZES[2]);
    byte[] otherWhole = Files.readAllBytes(other);
    Files.write(big, otherWhole);
    Files.write(other, whole);
    named(member, "file1", -2);
    named(member, "file2", -2);
    Files.write(big, whole);
    Files.write(other, otherWhole);
    assertThat(check().exitCode()).isZero();

    Files.delete(other);
    named(member, "file2", -1);
  }

  private Said check() throws Exception {
    return cluster.lockstep("volume", "check", VOLUME, "--output=json");
  }

  /** The check fails and names this member and file, and this offset unless it is -2. */
  private void named(int member, String file, long offset) throws Exception {
    Said said = check();
    assertThat(said.exitCode()).as(said.out() + said.err()).isEqualTo(1);
    List<JsonNode> matching = new ArrayList<>();
    for (JsonNode difference : said.json().get(0).path("differences")) {
      assertThat(difference.path("member").asInt()).as(difference.toString()).isEqualTo(member);
      if (difference.path("file").asText().endsWith(file)
          && (offset == -2 || difference.path("offset").asLong() == offset)) {
        matching.add(difference);
      }
    }
    assertThat(matching).as(said.out()).isNotEmpty();
  }

  private static void flip(Path object, long offset) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(object.toFile(), "rw")) {
      file.seek(offset);
      int old = file.read();
      file.seek(offset);
      file.write(old ^ 0x10);
    }
  }

  /** The file below the daemon's directory that is as large as this. */
  private Path object(int storage, long size) throws IOException {
    try (Stream<Path> files = Files.walk(cluster.directory().data(TestCluster.storage(storage)))) {
      List<Path> found =
          files
              .filter(Files::isRegularFile)
              .filter(file -> file.toFile().length() == size)
              .toList();
      assertThat(found).as("objects of " + size + " bytes").hasSize(1);
      return found.get(0);
    }
  }
}
