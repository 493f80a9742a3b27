package org.minigpt.internal.kernels;

import org.minigpt.internal.parallel.Team;
import org.minigpt.internal.parallel.Work;
import org.minigpt.internal.simd.Products;
import org.minigpt.internal.simd.Simd;

/**
 * y = x·W + b of rows that are a member's share of a batch, with {@link WeightPanels} of W. If the members have a
 * thread each, they lend each other their rows, and each computes some of the columns of all rows, so that each reads
 * its part of the weights. Otherwise all would read all of them, and get less of them from the last-level cache or from
 * memory.
 */
final class LockstepRowsKernel implements Runnable {
    private static final int WIDTH = Products.WIDTH;

    private final LinearOperands o;
    private final WeightPanels panels;
    private final Work alone;
    private final DecodeMemory memory;
    private final Team team;
    private final int member;
    private final float[] bias; // [out], filled up, or zeros

    /** @param alone the same product without the other members */
    LockstepRowsKernel(LinearOperands o, WeightPanels panels, Work alone, DecodeMemory.Member member) {
        this.o = o;
        this.panels = panels;
        this.alone = alone;
        this.memory = member.memory();
        this.team = memory.team();
        this.member = member.index();
        this.bias = new float[Tiles.roundUp(o.out(), WIDTH)];
        memory.reserve(o.in(), bias.length);
    }

    @Override
    public void run() {
        if (!team.together()) {
            team.run(alone);
            return;
        }
        int before = memory.rowsBefore(member);
        o.x().read(0, memory.x(), before * o.in(), o.rows() * o.in());
        team.await(member);
        columns();
        team.await(member);
        for (int r = 0; r < o.rows(); r++) {
            o.y().write(r * o.out(), memory.y(), (before + r) * bias.length, o.out());
        }
    }

    /** Computes the member's share of the panels. */
    private void columns() {
        int all = bias.length / WIDTH;
        int from = Work.cut(all, member, team.members(), 1);
        int count = Work.cut(all, member + 1, team.members(), 1) - from;
        if (count == 0) {
            return;
        }
        int at = from * WIDTH;
        if (o.b() != null) {
            o.b().read(at, bias, at, Math.min(count * WIDTH, o.out() - at));
        }
        Simd.PRODUCTS.panelRows(
                memory.height(),
                o.in(),
                count,
                memory.x(),
                panels.get(),
                at * o.in(),
                bias,
                at,
                memory.y(),
                at,
                bias.length);
    }
}
