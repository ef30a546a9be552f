package org.nnirbridge;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class LayeringTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("org.nnirbridge");

  @Test
  void theMachineSideDoesNotKnowTheCompilerSide() {
    noClasses()
        .that()
        .resideInAnyPackage("..isa..", "..program..", "..vm..", "..latency..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "..nnir..",
            "..frontend..",
            "..transform..",
            "..layout..",
            "..tile..",
            "..backend..",
            "..compiler..",
            "..archive..",
            "..gateway..",
            "..cli..")
        .check(CLASSES);
  }

  @Test
  void dependenciesGoOneWay() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("doors")
        .definedBy("..gateway..", "..cli..", "..api..")
        .layer("archive")
        .definedBy("..archive..")
        .layer("compiler")
        .definedBy("..compiler..")
        .layer("frontend")
        .definedBy("..frontend..")
        .layer("transform")
        .definedBy("..transform..")
        .layer("layout")
        .definedBy("..layout..")
        .layer("nnir")
        .definedBy("..nnir..")
        .layer("backend")
        .definedBy("..backend..")
        .layer("tile")
        .definedBy("..tile..")
        .layer("machine")
        .definedBy("..program..", "..isa..", "..vm..", "..latency..")
        .layer("words")
        .definedBy("..numerics..", "..hardware..", "..diagnostic..", "..file..")
        .whereLayer("doors")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("archive")
        .mayOnlyBeAccessedByLayers("doors")
        .whereLayer("compiler")
        .mayOnlyBeAccessedByLayers("doors")
        .whereLayer("frontend")
        .mayOnlyBeAccessedByLayers("doors")
        .whereLayer("transform")
        .mayOnlyBeAccessedByLayers("doors", "compiler")
        .whereLayer("layout")
        .mayOnlyBeAccessedByLayers("compiler")
        .whereLayer("nnir")
        .mayOnlyBeAccessedByLayers(
            "doors", "archive", "compiler", "frontend", "transform", "layout")
        .whereLayer("backend")
        .mayOnlyBeAccessedByLayers("compiler")
        .whereLayer("tile")
        .mayOnlyBeAccessedByLayers("compiler", "nnir", "backend")
        .whereLayer("machine")
        .mayOnlyBeAccessedByLayers("doors", "compiler", "backend")
        .check(CLASSES);
  }
}
