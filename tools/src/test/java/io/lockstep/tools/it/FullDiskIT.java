package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.it.TestCluster.Said;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Disks that fill up: one of three is a failed member, all of them are the writer's ENOSPC. */
@ExtendWith(FailureWatch.class)
class FullDiskIT implements FailureWatch.WithCluster {
  private static final String VOLUME = "demo";
  private static final int FILE_BYTES = 4 << 20;
  private static final int FILES_MAX = 60;

  /** Looking takes longer than writing a file. */
  private static final int FILES_A_LOOK = 4;

  private TestCluster cluster;
  private Path mountPoint;

  private void start(Set<Integer> small) throws Exception {
    cluster = TestCluster.startOn("full", 3, small);
    cluster.createVolume(VOLUME, 3);
    mountPoint = cluster.mount(TestCluster.MOUNT, VOLUME);
  }

  @AfterEach
  void stop() throws Exception {
    cluster.close();
  }

  @Override
  public TestCluster cluster() {
    return cluster;
  }

  private static byte[] content(int file) {
    byte[] bytes = new byte[FILE_BYTES];
    new Random(file).nextBytes(bytes);
    return bytes;
  }

  /** The errno with which writing and syncing this file ended, or 0. */
  private int write(int file) throws Exception {
    int fd = Posix.open(mountPoint + "/file" + file, Posix.O_RDWR | Posix.O_CREAT);
    try {
      byte[] bytes = content(file);
      long written = 0;
      while (written < bytes.length) {
        // As programs do: what a short write left over is written again.
        byte[] rest = Arrays.copyOfRange(bytes, (int) written, bytes.length);
        written += check("pwrite", C.pwrite(fd, rest, rest.length, written));
      }
      check("fsync", C.fsync(fd));
      return 0;
    } catch (Posix.Failed e) {
      return e.errno();
    } finally {
      C.close(fd);
    }
  }

  private void isWhole(int file) throws Exception {
    byte[] seen = Files.readAllBytes(mountPoint.resolve("file" + file));
    assertThat(Arrays.mismatch(seen, content(file)))
        .as("file %d, %d bytes, differs at", file, seen.length)
        .isEqualTo(-1);
  }

  private boolean isMember(int member) throws Exception {
    return cluster.mode(member).equals("RW");
  }

  @Test
  void oneFullDiskIsAFailedMember() throws Exception {
    start(Set.of(3));
    int victim = cluster.memberOn(3).path("member").asInt();
    int files = 0;
    while (files < FILES_MAX && (files % FILES_A_LOOK > 0 || isMember(victim))) {
      assertThat(write(files)).as("errno of file " + files).isZero();
      files++;
    }
    assertThat(files).as("files until the disk was full").isBetween(5, FILES_MAX - 1);
    for (int more = 0; more < 5; more++) {
      assertThat(write(files)).as("errno while one disk is full").isZero();
      files++;
    }
    for (int i = 0; i < files; i++) {
      isWhole(i);
    }
    System.out.println("one disk was full after " + files + " files");
    for (int i = 0; i < files; i++) {
      Files.delete(mountPoint.resolve("file" + i));
    }
    long ms = cluster.eventually("with space again it is in step", 90, cluster::hasNoMark);
    System.out.println("in step " + ms + " ms after the files were deleted");
    assertThat(write(1)).isZero();
    provesEqual();
  }

  @Test
  void allDisksFullIsTheWritersENOSPCAndDeletesStillWork() throws Exception {
    start(Set.of(1, 2, 3));
    int files = 0;
    List<Integer> whole = new ArrayList<>();
    while (files - whole.size() < 3 && files < FILES_MAX) {
      int errno = write(files);
      assertThat(errno).as("errno of file " + files).isIn(0, Posix.ENOSPC);
      if (errno == 0) {
        whole.add(files);
      }
      files++;
    }
    System.out.println("whole files: " + whole);
    assertThat(whole).hasSizeBetween(5, FILES_MAX - 3);
    for (JsonNode row :
        cluster.lockstep("heal", "status", "--output=json").json().path("members")) {
      assertThat(row.path("mode").asText()).as("nobody is blamed: " + row).isEqualTo("RW");
    }
    for (int file : whole) {
      isWhole(file);
    }
    System.out.println("all disks were full after " + files + " files");
    for (int i = 0; i < files; i++) {
      Files.delete(mountPoint.resolve("file" + i));
    }
    long ms = cluster.eventually("there is space again", 60, () -> write(1) == 0);
    System.out.println("written again " + ms + " ms after the files were deleted");
    provesEqual();
  }

  private void provesEqual() throws Exception {
    cluster.eventually("no mark is left", 60, cluster::hasNoMark);
    Said check = cluster.lockstep("volume", "check", VOLUME, "--output=json");
    assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
    assertThat(check.json().get(0).path("members")).hasSize(3);
  }
}
