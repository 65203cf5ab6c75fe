package io.lockstep.tools;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import io.lockstep.tools.fixture.lower.LooksUp;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The rules between modules: arrows point down only. They stand in the uppermost one, which alone
 * has all others on its class path; a rule that sees no class fails. What each module must be
 * inside is in the simulator's {@code ArchitectureTest}.
 */
class ModulesTest {
  private static final String ROOT = "io.lockstep.";

  /** What each module may use besides itself, the JDK and third-party libraries. */
  private static final Map<String, Set<String>> ARROWS =
      Map.of(
          "core", Set.of(),
          "wire", Set.of("core"),
          "metadata", Set.of("wire", "core"),
          "lockd", Set.of("wire", "core"),
          "replication", Set.of("wire", "core"),
          "fs", Set.of("metadata", "lockd", "replication", "wire", "core"),
          "simulation", Set.of("fs", "metadata", "lockd", "replication", "wire", "core"),
          "tools", Set.of("fs", "metadata", "lockd", "replication", "wire", "core"));

  private static final ImportOption NO_JAR_OF_TESTS = location -> !location.contains("-tests.jar");

  private static final JavaClasses PRODUCTION =
      new ClassFileImporter()
          .withImportOptions(List.of(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS, NO_JAR_OF_TESTS))
          .importPackages("io.lockstep");

  static Stream<String> modules() {
    return new TreeSet<>(ARROWS.keySet()).stream();
  }

  @ParameterizedTest
  @MethodSource("modules")
  void arrowsPointDownOnly(String module) {
    arrows(ROOT, module, ARROWS.get(module)).check(PRODUCTION);
  }

  @Test
  void everyClassBelongsToAKnownModule() {
    classes()
        .should()
        .resideInAnyPackage(modules().map(module -> ROOT + module + "..").toArray(String[]::new))
        .check(PRODUCTION);
  }

  // What follows shows that the rules are awake.

  @Test
  void arrowThatPointsUpIsCaught() {
    JavaClasses fixture = new ClassFileImporter().importPackagesOf(LooksUp.class);
    String root = "io.lockstep.tools.fixture.";
    assertThat(violations(arrows(root, "lower", Set.of()), fixture))
        .contains("io.lockstep.tools.fixture.upper.Upper");
    assertThat(violations(arrows(root, "lower", Set.of("upper")), fixture)).isEmpty();
  }

  /** Production of tools does use fs, so a rule without that arrow must say so. */
  @ParameterizedTest
  @MethodSource("modules")
  void moduleThatMayUseNothingIsCaught(String module) {
    String found = violations(arrows(ROOT, module, Set.of()), PRODUCTION);
    assertThat(found.isEmpty()).as(module).isEqualTo(module.equals("core"));
  }

  private static String violations(ArchRule rule, JavaClasses checked) {
    return String.join("\n", rule.evaluate(checked).getFailureReport().getDetails());
  }

  private static ArchRule arrows(String root, String module, Set<String> below) {
    return classes()
        .that()
        .resideInAPackage(root + module + "..")
        .should()
        .onlyDependOnClassesThat(
            DescribedPredicate.describe(
                "belong to " + module + ", or below it to " + below,
                used -> isOutside(root, used) || isOfAny(root, module, below, used)));
  }

  private static boolean isOutside(String root, JavaClass used) {
    return !(used.getBaseComponentType().getPackageName() + ".").startsWith(root);
  }

  private static boolean isOfAny(String root, String module, Set<String> below, JavaClass used) {
    String owner = (used.getBaseComponentType().getPackageName() + ".").substring(root.length());
    String usedModule = owner.substring(0, Math.max(0, owner.indexOf('.')));
    return usedModule.equals(module) || below.contains(usedModule);
  }
}
