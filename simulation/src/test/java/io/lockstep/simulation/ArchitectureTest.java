package io.lockstep.simulation;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import io.lockstep.simulation.fixture.pure.Impure;
import io.lockstep.simulation.fixture.pure.Pure;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What modules must be inside: pure packages stay pure. A rule that sees no class fails, and the
 * last tests show that each catches a class that breaks it. The arrows between modules are in
 * {@code ModulesTest} of the uppermost module, which has all of them on its class path.
 */
class ArchitectureTest {

  /** Exactly these packages: a subpackage such as {@code ...store} is where the disk is touched. */
  static final Set<String> PURE_PACKAGES =
      Set.of(
          "io.lockstep.replication.eagerlock",
          "io.lockstep.replication.transaction",
          "io.lockstep.replication.marks",
          "io.lockstep.replication.registry",
          "io.lockstep.replication.heal",
          "io.lockstep.lockd.lease",
          "io.lockstep.lockd.posix",
          "io.lockstep.metadata.kv",
          "io.lockstep.metadata.namespace",
          "io.lockstep.metadata.catalogue");

  private static final Set<String> PURE_MAY_USE_PACKAGES =
      Set.of(
          "java.lang",
          "java.lang.annotation",
          "java.lang.constant",
          "java.lang.invoke",
          "java.lang.runtime",
          "java.nio",
          "java.nio.charset",
          "java.util",
          "java.util.function",
          "java.util.stream",
          "com.google.protobuf",
          "com.google.errorprone.annotations",
          "com.google.errorprone.annotations.concurrent",
          "org.jspecify.annotations",
          "io.lockstep.core",
          "io.lockstep.wire",
          "io.lockstep.wire.message");

  /** Ambient time, chance, threads and processes that live in the packages allowed above. */
  private static final Set<String> PURE_MAY_NOT_USE_CLASSES =
      Set.of(
          "io.lockstep.core.AgentThread",
          "io.lockstep.core.SystemClock",
          "java.lang.InheritableThreadLocal",
          "java.lang.Process",
          "java.lang.ProcessBuilder",
          "java.lang.ProcessHandle",
          "java.lang.Runtime",
          "java.lang.Thread",
          "java.lang.ThreadGroup",
          "java.lang.ThreadLocal",
          "java.util.Date",
          "java.util.Calendar",
          "java.util.GregorianCalendar",
          "java.util.Random",
          "java.util.Scanner",
          "java.util.ServiceLoader",
          "java.util.SplittableRandom",
          "java.util.Timer",
          "java.util.TimerTask");

  private static final Set<String> PURE_MAY_USE_OF_SYSTEM = Set.of("arraycopy", "identityHashCode");

  private static final Set<String> PURE_MAY_NOT_CALL =
      Set.of(
          "java.lang.Math.random",
          "java.lang.StrictMath.random",
          "java.util.Collections.shuffle",
          "java.util.UUID.randomUUID");

  private static final Set<String> MONITOR_METHODS = Set.of("wait", "notify", "notifyAll");

  private static final JavaClasses PRODUCTION =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.lockstep");

  @Test
  void coreUsesTheJdkOnly() {
    classes()
        .that()
        .resideInAPackage("io.lockstep.core..")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "io.lockstep.core..",
            "java..",
            "org.jspecify.annotations..",
            "com.google.errorprone.annotations..",
            "")
        .check(PRODUCTION);
  }

  @Test
  void vfsKnowsNoFuseType() {
    classes()
        .that()
        .resideInAPackage("io.lockstep.fs.vfs..")
        .should()
        .onlyDependOnClassesThat(
            DescribedPredicate.describe(
                "are no FUSE or foreign-memory types",
                used ->
                    !used.getPackageName().startsWith("ru.serce.")
                        && !used.getPackageName().startsWith("jnr.")))
        .check(PRODUCTION);
  }

  @ParameterizedTest
  @FieldSource("PURE_PACKAGES")
  void purePackagesArePure(String purePackage) {
    purity(purePackage, PURE_PACKAGES).check(PRODUCTION);
  }

  // What follows shows that the rules are awake.

  @ParameterizedTest
  @ValueSource(
      classes = {
        Impure.ReadsTheClock.class,
        Impure.ReadsTheWallClock.class,
        Impure.RefersToTheClock.class,
        Impure.RollsDice.class,
        Impure.RollsMathDice.class,
        Impure.DrawsAnId.class,
        Impure.StartsAThread.class,
        Impure.TakesALock.class,
        Impure.TakesAMonitor.class,
        Impure.WaitsOnAMonitor.class,
        Impure.TouchesTheDisk.class,
        Impure.HoldsAnArrayOfThreads.class,
        Impure.Logs.class,
        Impure.UsesAnImpureNeighbour.class
      })
  void impureClassIsCaught(Class<?> impure) {
    assertThat(violations(fixturePurity(), new ClassFileImporter().importClasses(impure)))
        .contains(impure.getName());
  }

  @Test
  void pureClassIsLeftAlone() {
    Class<?>[] nested = Pure.class.getDeclaredClasses();
    Class<?>[] all =
        Stream.concat(Stream.of(Pure.class), Arrays.stream(nested)).toArray(Class<?>[]::new);
    assertThat(violations(fixturePurity(), new ClassFileImporter().importClasses(all))).isEmpty();
  }

  private static ArchRule fixturePurity() {
    String fixture = Pure.class.getPackageName();
    return purity(fixture, Set.of(fixture));
  }

  private static String violations(ArchRule rule, JavaClasses checked) {
    return String.join("\n", rule.evaluate(checked).getFailureReport().getDetails());
  }

  private static ArchRule purity(String purePackage, Set<String> allPure) {
    return classes()
        .that()
        .resideInAPackage(purePackage)
        .should(
            new ArchCondition<JavaClass>(
                "use no clock, chance, thread, lock, disk, network or log") {
              @Override
              public void check(JavaClass checked, ConditionEvents events) {
                checkPurity(checked, siblings(purePackage, allPure), events);
              }
            });
  }

  /** The pure packages of the same module, {@code purePackage} among them. */
  private static Set<String> siblings(String purePackage, Set<String> allPure) {
    String module = purePackage.substring(0, purePackage.lastIndexOf('.') + 1);
    Set<String> siblings = new TreeSet<>(allPure);
    siblings.removeIf(other -> !other.startsWith(module));
    return siblings;
  }

  private static void checkPurity(JavaClass checked, Set<String> siblings, ConditionEvents events) {
    for (Dependency dependency : checked.getDirectDependenciesFromSelf()) {
      if (!isPureTarget(dependency.getTargetClass().getBaseComponentType(), siblings)) {
        violated(checked, dependency.getDescription(), events);
      }
    }
    for (JavaAccess<?> access : checked.getAccessesFromSelf()) {
      if (!isPureAccess(access)) {
        violated(checked, access.getDescription(), events);
      }
    }
    checked.getMethods().stream()
        .filter(method -> method.getModifiers().contains(JavaModifier.SYNCHRONIZED))
        .forEach(method -> violated(checked, method.getFullName() + " is synchronized", events));
  }

  private static boolean isPureTarget(JavaClass used, Set<String> siblings) {
    if (used.isPrimitive()) {
      return true;
    }
    if (PURE_MAY_NOT_USE_CLASSES.contains(outermost(used))) {
      return false;
    }
    return PURE_MAY_USE_PACKAGES.contains(used.getPackageName())
        || siblings.contains(used.getPackageName());
  }

  private static String outermost(JavaClass used) {
    int nested = used.getName().indexOf('$');
    return nested < 0 ? used.getName() : used.getName().substring(0, nested);
  }

  private static boolean isPureAccess(JavaAccess<?> access) {
    String owner = access.getTargetOwner().getName();
    String name = access.getTarget().getName();
    if (owner.equals("java.lang.System")) {
      return PURE_MAY_USE_OF_SYSTEM.contains(name);
    }
    boolean monitor = MONITOR_METHODS.contains(name) && owner.equals("java.lang.Object");
    return !monitor && !PURE_MAY_NOT_CALL.contains(owner + "." + name);
  }

  private static void violated(JavaClass checked, String what, ConditionEvents events) {
    events.add(SimpleConditionEvent.violated(checked, checked.getName() + ": " + what));
  }
}
