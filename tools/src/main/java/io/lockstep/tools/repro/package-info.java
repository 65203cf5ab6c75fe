/**
 * Reproductions of bugs that other systems had: the production classes with one decision changed
 * through a constructor seam, run by real processes under the checkers that Lockstep itself runs
 * under. Nothing here is on the way of a production process.
 */
package io.lockstep.tools.repro;
