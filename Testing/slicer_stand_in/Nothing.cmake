# What Slicer's own include files add is not needed to see where files end up.
