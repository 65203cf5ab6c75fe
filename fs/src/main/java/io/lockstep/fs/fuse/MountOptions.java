package io.lockstep.fs.fuse;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Immutable. How and where to mount.
 *
 * @param mountPoint absolute; as the mount table shall show it
 * @param readOnly the kernel refuses writes too
 * @param allowOther users other than the one who mounts may use it
 * @param nonEmpty hide what the directory holds instead of refusing
 * @param threads that serve requests from the start
 * @param threadsIdleMax a thread that has answered ends if so many others have nothing to do
 * @param threadsMax up to which more are started when all are busy: as many operations may wait,
 *     for a lease that a stopped mount holds, say, before others wait behind them (P12)
 * @param readyNs how long the kernel may take to say hello
 * @param keepSeconds how long the kernel may answer with names and attributes that it knows; 0 =
 *     not at all, so that what other mounts did is seen at once
 * @param kernelOptions more options for mount(2), such as {@code noexec}
 */
public record MountOptions(
    Path mountPoint,
    boolean readOnly,
    boolean allowOther,
    boolean nonEmpty,
    int threads,
    int threadsIdleMax,
    int threadsMax,
    long readyNs,
    double keepSeconds,
    List<String> kernelOptions) {
  private static final int THREADS = 8;
  private static final int THREADS_IDLE_MAX = 24;
  private static final int THREADS_MAX = 512;
  private static final long READY_NS = TimeUnit.SECONDS.toNanos(10);

  public MountOptions {
    kernelOptions = List.copyOf(kernelOptions);
  }

  /** For everybody if this user may allow that. */
  public static MountOptions at(Path mountPoint) {
    return new MountOptions(
        mountPoint.toAbsolutePath().normalize(),
        false,
        FuseSystem.mayAllowOther(),
        false,
        THREADS,
        THREADS_IDLE_MAX,
        THREADS_MAX,
        READY_NS,
        0,
        List.of());
  }

  public MountOptions withReadOnly(boolean value) {
    return with(value, allowOther, nonEmpty, keepSeconds, kernelOptions);
  }

  public MountOptions withAllowOther(boolean value) {
    return with(readOnly, value, nonEmpty, keepSeconds, kernelOptions);
  }

  public MountOptions withNonEmpty(boolean value) {
    return with(readOnly, allowOther, value, keepSeconds, kernelOptions);
  }

  public MountOptions withKeepSeconds(double value) {
    return with(readOnly, allowOther, nonEmpty, value, kernelOptions);
  }

  public MountOptions withKernelOptions(List<String> more) {
    return with(readOnly, allowOther, nonEmpty, keepSeconds, more);
  }

  private MountOptions with(
      boolean ro, boolean others, boolean hide, double keep, List<String> kernel) {
    return new MountOptions(
        mountPoint, ro, others, hide, threads, threadsIdleMax, threadsMax, readyNs, keep, kernel);
  }

  /** What libfuse hands to mount(2) or to fusermount. */
  String optionText() {
    List<String> all = new ArrayList<>();
    all.add("fsname=lockstep");
    all.add("subtype=lockstep");
    all.add("default_permissions");
    all.add(readOnly ? "ro" : "rw");
    if (allowOther) {
      all.add("allow_other");
    }
    if (nonEmpty) {
      all.add("nonempty");
    }
    all.addAll(kernelOptions);
    return String.join(",", all);
  }
}
