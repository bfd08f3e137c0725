"""Chapter 0, the chain rule: all that the other chapters take as known.

Training asks one question of every adjustable number in a network: if I turn this one up a little, does the error
grow or shrink, and how fast? There may be millions of such numbers. The chain rule answers for all of them in one
walk through the network from its end to its beginning, at a few times the cost of computing the output. That walk is
backpropagation.

The words
    A sample is one thing the network looks at (an image, a row of a table); its entries are features. A batch is a
    few samples that are computed together: x (N, D) holds N samples of D features, one sample a row. An image has
    places (rows and columns of pixels) and at each place one number per channel: red, green, blue; behind the first
    layer, whatever the network has learned to look for there. A mask is an array of ones and zeros (or weights) that
    says which entries count.
    A layer turns an array into the next one; each of its outputs is a unit, its weights are the numbers that training
    adjusts. The loss L is one number that says how wrong the output is. Training is when weights are adjusted;
    inference is when the network is only used. A function works elementwise if it takes each entry by itself. A number
    is broadcast if it is used at many places: a bias, the same for all samples.

One path
    x → y → L. Turn x up by a little h: y moves by ∂y/∂x h, and so L by ∂L/∂y ∂y/∂x h. Rates multiply along a path.
    Every L here is one number, so one rate, ∂L/∂a, belongs to each entry of each array a. We write it da: the array
    of the shape of a that holds them, the gradient. With it the line above reads  dx = dy ∂y/∂x.

Several paths
    x → u → L and x → v → L. Turning x moves L along both ways, and the two moves add:
        dx = du ∂u/∂x + dv ∂v/∂x
    Rates multiply along a path, and paths add up. In a network every entry has many ways to L (a feature feeds every
    output, a weight meets every sample), so every gradient in these chapters is a sum over all that an entry reaches.
    When a chapter says "w_io appears in z_no for every n", it is about to write Σ_n.

The walk
    It begins at the end: dL = ∂L/∂L = 1 (turn L up by h, and L moves by h). Each function needs only what is its own:
    given dy, the gradient of its result, it returns dx, the gradient of its input. Its input is the result of the
    function below, so
        the dx of a layer is the dy of the layer below.
    This is why forward and backward stand as a pair in every chapter, why backward takes dy as an argument, and why
    it need not know what L is. What the pair must remember in between (a slope depends on where it is taken) is
    called `saved`.
    Backward always walks in the reverse order of forward: then dy is complete, all its paths added, before it is
    handed on.

By hand
    x = 3 goes two ways:  u = 2·3 = 6  and  v = 3² = 9.  They meet in L = u v, that is 6·9 = 54.
    Back, from dL = 1:
        through L = u v      du = dL v = 1·9 = 9             dv = dL u = 1·6 = 6
        through u = 2x       one path gives 9·2 = 18
        through v = x²       the other gives 6·2·3 = 36      both together, dx = 18 + 36 = 54
    To see that it is right, multiply out: L = 2x · x² = 2x³, whose slope at 3 is 6·3² = 54. Or nudge x and look:

    >>> def loss(x):
    ...     return (2 * x) * (x * x)
    >>> x = 3.0
    >>> u, v = 2 * x, x * x
    >>> dL = 1.0
    >>> du, dv = dL * v, dL * u
    >>> dx = du * 2 + dv * 2 * x
    >>> du, dv, dx
    (9.0, 6.0, 54.0)
    >>> h = 1e-5
    >>> round((loss(x + h) - loss(x - h)) / (2 * h), 4)
    54.0

    Every chapter has such an example. What stands in them after >>> is Python, after `import numpy as np` and
    `from refnet.kernels import *`; numbers with four decimals are rounded.

What you need to read on
    [c = k] is 1 where c equals k and 0 elsewhere (likewise any condition). Σ_n is a sum over n, ⌊a⌋ is a rounded down,
    xᵀ is x with rows and columns exchanged. Two matrices side by side, x w, are their product: its entry (n, o) is
    Σ_i x_ni w_io. Capital letters are sizes, the small letter is an index along that axis; docs/architecture.md has the
    list.
    A *kernel* is, in this package, one function of a chapter: a forward, a backward, an update; in the chapters on
    convolution it is also, as everywhere, the little array of weights that slides. The *twin* of a kernel is the one of
    the same name in refnet_fast. An *epoch* is one pass through all samples; log is the natural logarithm.

References
    Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors.
    Linnainmaa (1970), The representation of the cumulative rounding error of an algorithm as a Taylor expansion.
    Griewank, Walther (2008), Evaluating derivatives (what the walk costs).
"""

__all__: list[str] = []
